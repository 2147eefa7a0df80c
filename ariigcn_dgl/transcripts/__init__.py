"""What was said, by whom and when: subtitles, chats and transcripts of any usual kind."""

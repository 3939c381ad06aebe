/**
 * `node floor.ts FORMAT LEVEL FILE …`: the work that no conversion of these layers can do without, and nothing else.
 * For each layer: sha256 of the blob, decompression, sha256 of the tar, compression in pieces of 4 MiB with what the
 * drivers use, sha256 of what comes out; in one thread, without tar, table of contents, network and disk. It is a
 * process of its own, so that it is measured as conversions are.
 */
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { openCompressor } from '../../src/formats/codec/open.ts'
import { gzipMember } from '../../src/formats/deflate/gzip-member.ts'
import { DEFAULT_LEVEL } from '../../src/formats/deflate/level.ts'
import { openDecoder } from '../../src/formats/layer-decoder.ts'

/** What a chunk of eStargz is at most; longer pieces would compress no better. */
const PIECE = 4 * 1024 * 1024

const [format, level, ...files] = process.argv.slice(2)
const compress = format === 'zstd' ? zstd(level) : gzip(level)
for (const file of files) run(file)

function gzip(level: string | undefined): (piece: Uint8Array) => Uint8Array {
  const chosen = level === 'default' ? DEFAULT_LEVEL : Number(level)
  return (piece) => gzipMember(piece, chosen)
}

function zstd(level: string | undefined): (piece: Uint8Array) => Uint8Array {
  const init = level === 'default' ? {} : { level: Number(level) }
  const compressor = openCompressor({ format: 'zstd', ...init })
  return (piece) => {
    compressor.write(piece)
    return compressor.finish()
  }
}

function run(file: string): void {
  const [blob, tar, target] = ['sha256', 'sha256', 'sha256'].map((name) => createHash(name))
  const decoder = openDecoder({ what: file })
  const piece = new Uint8Array(PIECE)
  let filled = 0
  const drain = (): void => {
    for (let bytes = decoder.next(); bytes !== undefined; bytes = decoder.next()) {
      tar!.update(bytes)
      for (let at = 0; at < bytes.length;) {
        const part = bytes.subarray(at, at + PIECE - filled)
        piece.set(part, filled)
        filled += part.length
        at += part.length
        if (filled < PIECE) continue
        target!.update(compress(piece))
        filled = 0
      }
    }
  }
  const fd = openSync(file, 'r')
  const buffer = new Uint8Array(1024 * 1024)
  for (let size = readSync(fd, buffer); size > 0; size = readSync(fd, buffer)) {
    const bytes = buffer.subarray(0, size)
    blob!.update(bytes)
    decoder.push(bytes)
    drain()
  }
  closeSync(fd)
  decoder.end()
  drain()
  if (filled > 0) target!.update(compress(piece.subarray(0, filled)))
  decoder.close()
  for (const hash of [blob, tar, target]) hash!.digest()
}

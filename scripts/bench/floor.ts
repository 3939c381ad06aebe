/**
 * `node floor.ts FORMAT LEVEL FILE …`: the work that no conversion of these layers can do without, and nothing else.
 * For each layer: sha256 of the blob, decompression, sha256 of the tar, compression in pieces of 4 MiB, sha256 of what
 * comes out; in one thread, without tar, table of contents, network and disk. It is a process of its own, so that it is
 * measured as conversions are.
 */
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import type { Compressor } from '../../src/formats/codec/compressor.ts'
import { openCompressor } from '../../src/formats/codec/open.ts'
import { openDecoder } from '../../src/formats/layer-decoder.ts'

/** What a chunk of eStargz is at most; longer pieces would compress no better. */
const PIECE = 4 * 1024 * 1024

const [format, level, ...files] = process.argv.slice(2)
const compressor = openCompressor({
  format: format === 'zstd' ? 'zstd' : 'gzip',
  ...(level === undefined || level === 'default' ? {} : { level: Number(level) }),
})
for (const file of files) run(file, compressor)
compressor.close()

function run(file: string, compressor: Compressor): void {
  const blob = createHash('sha256')
  const tar = createHash('sha256')
  const target = createHash('sha256')
  const decoder = openDecoder({ what: file })
  let pending = 0
  const drain = (): void => {
    for (let bytes = decoder.next(); bytes !== undefined; bytes = decoder.next()) {
      tar.update(bytes)
      for (let at = 0; at < bytes.length;) {
        const end = Math.min(bytes.length, at + PIECE - pending)
        compressor.write(bytes.subarray(at, end))
        target.update(compressor.take())
        pending += end - at
        at = end
        if (pending < PIECE) continue
        target.update(compressor.finish())
        pending = 0
      }
    }
  }
  const fd = openSync(file, 'r')
  const buffer = new Uint8Array(1024 * 1024)
  for (let size = readSync(fd, buffer); size > 0; size = readSync(fd, buffer)) {
    const bytes = buffer.subarray(0, size)
    blob.update(bytes)
    decoder.push(bytes)
    drain()
  }
  closeSync(fd)
  decoder.end()
  drain()
  if (pending > 0) target.update(compressor.finish())
  decoder.close()
  for (const hash of [blob, tar, target]) hash.digest()
}

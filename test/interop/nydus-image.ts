/** `nydus-image` of the Nydus project, called with the options of its Go converter (nydus-snapshotter pkg/converter). */
import { createHash } from 'node:crypto'
import { createReadStream, mkdirSync, mkdtempSync, renameSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { BlobReader } from '../../src/formats/nydus-blob/blob-reader.ts'
import { output } from './command.ts'

/** How layers are made. */
export interface NydusImageInit {
  fsVersion: 5 | 6
  compressor: 'none' | 'lz4_block' | 'zstd'
  /** Bytes of a chunk, as the option takes it. @default 0x100000 */
  chunkSize?: string
  /** Bytes that small chunks are put together to, as the option takes it. @default none are */
  batchSize?: string
  /** A bootstrap whose chunks are not stored again. */
  chunkDict?: string
}

/** Makes a blob of a layer that is a plain tar. Returns its path in `folder`, named by its digest. Throws CommandError. */
export async function createLayer(
  tar: string,
  folder: string,
  init: NydusImageInit,
): Promise<string> {
  mkdirSync(folder, { recursive: true })
  const made = join(mkdtempSync(join(folder, 'layer-')), 'blob')
  const args = ['create', '--log-level', 'warn', '--prefetch-policy', 'fs', '--blob', made]
  args.push('--whiteout-spec', 'none', '--fs-version', String(init.fsVersion))
  args.push('--type', 'tar-rafs', '--blob-inline-meta')
  if (init.fsVersion === 6) args.push('--features', 'blob-toc')
  if (init.chunkDict !== undefined) args.push('--chunk-dict', `bootstrap=${init.chunkDict}`)
  args.push('--compressor', init.compressor)
  if (init.chunkSize !== undefined) args.push('--chunk-size', init.chunkSize)
  if (init.batchSize !== undefined) args.push('--batch-size', init.batchSize)
  await output('nydus-image', [...args, tar], { input: '/' })
  return named(made, folder)
}

/** Makes a blob that says how to read a gzip layer in place (zran). Returns its path in `folder`, named by its digest. */
export async function createReference(layer: string, folder: string): Promise<string> {
  const made = join(mkdtempSync(join(folder, 'layer-')), 'blob')
  const args = ['create', '--log-level', 'warn', '--type', 'targz-ref', '--blob-inline-meta']
  await output('nydus-image', [...args, '--features', 'blob-toc', '--blob', made, layer])
  return named(made, folder)
}

/** Gives a blob its digest as name. */
async function named(made: string, folder: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(made), hash)
  const path = join(folder, hash.digest('hex'))
  renameSync(made, path)
  return path
}

/** The bootstrap inside a blob, uncompressed. */
export async function bootstrapOf(blob: string): Promise<Uint8Array> {
  await using file = await open(blob)
  const { size } = await file.stat()
  const read = async (offset: number, length: number): Promise<Uint8Array> =>
    (await file.read(Buffer.alloc(length), 0, length, offset)).buffer
  const reader = await BlobReader.open({ size, read }, blob)
  const bootstrap = await reader.bootstrap()
  if (bootstrap === undefined) throw new Error(`${blob} has no bootstrap`)
  return bootstrap
}

/** Merges the layers of `blobs`, the lowest first, into one bootstrap. Returns its path in `folder`. Throws CommandError. */
export async function mergeLayers(
  blobs: string[],
  folder: string,
  init: Pick<NydusImageInit, 'chunkDict'> = {},
): Promise<string> {
  const work = mkdtempSync(join(folder, 'merge-'))
  const sources: string[] = []
  for (const [i, blob] of blobs.entries()) {
    // The name says the id of the blob; a layer may come several times.
    mkdirSync(join(work, String(i)))
    const source = join(work, String(i), blob.split('/').at(-1) ?? '')
    writeFileSync(source, await bootstrapOf(blob))
    sources.push(source)
  }
  const bootstrap = join(work, 'image.boot')
  const args = ['merge', '--log-level', 'warn', '--prefetch-policy', 'fs']
  args.push('--output-json', join(work, 'output.json'), '--bootstrap', bootstrap)
  if (init.chunkDict !== undefined) args.push('--chunk-dict', `bootstrap=${init.chunkDict}`)
  await output('nydus-image', [...args, ...sources], { input: '/' })
  return bootstrap
}

/** Has a bootstrap checked, inode by inode. Throws CommandError with what it found. */
export async function checkBootstrap(bootstrap: string): Promise<void> {
  await output('nydus-image', ['check', '--log-level', 'warn', '--bootstrap', bootstrap])
}

/** Its version, as it says it. */
export async function nydusVersion(): Promise<string> {
  return /Version:\s*(\S+)/.exec(await output('nydus-image', ['--version']))?.[1] ?? 'unknown'
}

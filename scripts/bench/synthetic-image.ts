import { join } from 'node:path'
import { buildImage, type BuiltImage } from '../../src/testing/image-builder.ts'
import { packLayer, type EntryToPack, type PackedLayer } from './pack-layer.ts'
import { binaryPool, chanceOf, textPool, type Pool } from './synthetic-content.ts'

/** What one layer of a synthetic image holds. */
export interface SyntheticLayer {
  /** Files like sources, each of `least` to `most` bytes, fifty to a directory. */
  text?: { files: number; least: number; most: number }
  /** Files like programs, each of `size` bytes. */
  binaries?: { files: number; size: number }
}

/** Layers from the lowest. */
export type SyntheticImage = readonly SyntheticLayer[]

const KIB = 1024
const MIB = 1024 * 1024
const text = { least: KIB, most: 16 * KIB }

/** The built-in images by name; each is some 100 MB of tar, so that a run takes seconds. */
export const syntheticImages: Readonly<Record<string, SyntheticImage>> = {
  'small-files': [{ text: { ...text, files: 12_000 } }],
  binaries: [{ binaries: { files: 6, size: 16 * MIB } }],
  mixed: [
    { text: { ...text, files: 2500 }, binaries: { files: 12, size: MIB } },
    { binaries: { files: 1, size: 40 * MIB } },
    { text: { ...text, files: 4000 } },
    { text: { ...text, files: 150 }, binaries: { files: 1, size: 2 * MIB } },
    { text: { ...text, files: 2 } },
  ],
}

/** One layer of about `size` bytes: how memory behaves in a large one. */
export function largeImage(size: number): SyntheticImage {
  const most = 512 * MIB
  const files = Math.max(1, Math.ceil(size / most))
  return [{ binaries: { files, size: Math.floor(size / files) } }]
}

/** One layer of `files` small files: how memory behaves with a large TOC. */
export function manyFilesImage(files: number): SyntheticImage {
  return [{ text: { files, least: 64, most: 2 * KIB } }]
}

/** An image with what the packing of its layers told. */
export interface PackedImage {
  image: BuiltImage
  layers: PackedLayer[]
}

/** Makes the layers as files in `directory`, one after the other, and the image of them. Rejects with the signal's reason. */
export async function packImage(
  definition: SyntheticImage,
  directory: string,
  init: { signal: AbortSignal },
): Promise<PackedImage> {
  const layers: PackedLayer[] = []
  for (const [i, layer] of definition.entries()) {
    layers.push(await packLayer(entriesOf(layer, i), join(directory, `layer-${i}`), init))
  }
  return { image: buildImage({ layers }), layers }
}

const pools: { text?: Pool; binary?: Pool } = {}

/** `index` makes the layers of an image differ. */
function* entriesOf(layer: SyntheticLayer, index: number): Generator<EntryToPack> {
  const chance = chanceOf(100 + index)
  const base = `layer-${index}`
  yield { type: 'directory', name: `${base}/` }
  if (layer.text !== undefined) {
    pools.text ??= textPool()
    const { files, least, most } = layer.text
    for (let i = 0; i < files; i++) {
      const directory = `${base}/package-${Math.floor(i / 50)}/`
      if (i % 50 === 0) yield { type: 'directory', name: directory }
      const content = pools.text(chance, least + chance(most - least + 1))
      const name = `${directory}source-${i}.txt`
      yield { type: 'file', name, size: content.length, content: () => [content] }
    }
  }
  if (layer.binaries !== undefined) {
    const { files, size } = layer.binaries
    pools.binary ??= binaryPool()
    for (let i = 0; i < files; i++) {
      const pool = pools.binary
      const content = (): Iterable<Uint8Array> => cuts(pool, size, chanceOf(200 + 64 * index + i))
      yield { type: 'file', name: `${base}/program-${i}`, mode: 0o755, size, content }
    }
  }
}

/** `size` bytes in cuts of 1 MiB. */
function* cuts(
  pool: Pool,
  size: number,
  chance: ReturnType<typeof chanceOf>,
): Generator<Uint8Array> {
  for (let at = 0; at < size; at += MIB) yield pool(chance, Math.min(MIB, size - at))
}

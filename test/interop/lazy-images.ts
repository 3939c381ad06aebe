/** What the tests of eStargz and of zstd:chunked do alike: both kinds of image are pulled lazily, and by ordinary clients. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { type House, openHouse } from './house.ts'
import { pulledByPodman } from './podman.ts'
import { lacking } from './programs.ts'
import { layersOf } from './registry.ts'
import type { Row } from './results.ts'
import { bringSourceImages } from './source-images.ts'
import { differences, type Tree } from './tree.ts'
import { unpackedByUmoci } from './unpacked.ts'

/** Why such images cannot be tested, or undefined. */
export const noLazyImages = lacking(
  'docker-registry',
  'skopeo',
  'umoci',
  'podman',
  'getfattr',
  'containerd',
  'ctr-remote',
)

/** A house with all source images in its registry. */
export async function openLazyHouse(): Promise<House> {
  const house = await openHouse()
  await bringSourceImages(house.registry.address)
  return house
}

/** An image, what was made of it, and the row of what comes of the tests. */
export interface LazyImage {
  source: string
  target: string
  row: Row
}

/** How large layers are beside those of the image at `source`. */
export async function ofTheSource(
  layers: readonly { size: number }[],
  source: string,
): Promise<string> {
  const size = (of: readonly { size: number }[]): number =>
    of.reduce((sum, one) => sum + one.size, 0)
  return (size(layers) / size(await layersOf(source))).toFixed(3)
}

/** Pulls an image lazily: it holds what the original holds, and no layer was pulled in the ordinary way. Skips where nobody can. */
export async function isEqualLazily(
  house: House,
  t: TestContext,
  { source, target, row }: LazyImage,
): Promise<void> {
  if (!house.needLazy(t)) return
  const pulled = await house.lazy.pull(target)
  assert.deepEqual(pulled.ordinary, [])
  const original = await unpackedByUmoci(source)
  const found = differences(original, pulled.tree)
  Object.assign(row, { entries: original.size, lazily: found.join('; ') || 'equal' })
  assert.deepEqual(found, [])
}

/** Has podman pull both: what it sees is the same, but for what `shown` leaves out. What comes of it stands in `column`. */
export async function isEqualToPodman(
  house: House,
  { source, target, row }: LazyImage,
  { column, shown }: { column: string; shown(tree: Tree): Tree },
): Promise<void> {
  const before = await pulledByPodman(house.folder('podman'), source)
  const found = differences(before, shown(await pulledByPodman(house.folder('podman'), target)))
  row[column] = found.join('; ') || 'equal'
  assert.deepEqual(found, [])
}

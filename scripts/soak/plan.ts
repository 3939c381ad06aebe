import {
  buildImage,
  buildIndex,
  buildLayer,
  type BuiltImage,
  type BuiltLayer,
} from '../../src/testing/image-builder.ts'
import { seeded } from '../../src/testing/random-file-tree.ts'
import { testTar } from '../../src/testing/tar-builder.ts'
import type { SoakInit } from './arguments.ts'

/** A number from 0, below what it is given. */
export type Chance = (below: number) => number

/** One image of the soak, and the repository that it belongs to. */
export interface SoakImage {
  name: string
  repository: string
  image: BuiltImage
}

/** One push. */
export interface SoakPush {
  image: SoakImage
  tag: string
}

/** Images, and who pushes them when, all from the seed. */
export interface SoakPlan {
  images: SoakImage[]
  pushes: SoakPush[]
}

/** Layers that several images share. */
const SHARED_LAYERS = 8
const REPOSITORIES = 5
/** Bytes of a file of a layer; half of them compress. */
const FILE_SIZE = 250_000

/**
 * Makes the plan: each image is pushed once under a tag of its own, which stays; all other pushes move a few tags of
 * the image's repository, to and fro.
 */
export function planSoak({ seed, images: count, pushes: total }: SoakInit): SoakPlan {
  const chance = seeded(seed)
  const shared = Array.from({ length: SHARED_LAYERS }, (_, i) => layer(chance, `shared-${i}`))
  const images = Array.from({ length: count }, (_, i) => soakImage(chance, i, shared))
  const own = images.map((image): SoakPush => ({ image, tag: `own-${image.name}` }))
  const more = Array.from({ length: Math.max(0, total - count) }, (): SoakPush => {
    const image = images[chance(images.length)]!
    return { image, tag: ['latest', 'v1', 'edge'][chance(3)]! }
  })
  return { images, pushes: shuffled(chance, [...own, ...more]) }
}

function soakImage(chance: Chance, i: number, shared: readonly BuiltLayer[]): SoakImage {
  const name = `image-${i}`
  const single = (platform: string): BuiltImage => {
    const below = Array.from({ length: 1 + chance(3) }, () => shared[chance(shared.length)]!)
    const layers = [...below, layer(chance, `${name}-${platform}`)]
    return buildImage({ layers, platform: { os: 'linux', architecture: platform } })
  }
  // every fourth is of two platforms
  const image = i % 4 === 3 ? buildIndex([single('amd64'), single('arm64')]) : single('amd64')
  return { name, repository: `soak/app-${i % REPOSITORIES}`, image }
}

function layer(chance: Chance, name: string): BuiltLayer {
  const tar = testTar().directory(`${name}/`)
  for (let file = 0; file < 2 + chance(6); file++) {
    const bytes = Buffer.alloc(FILE_SIZE)
    for (let at = 0; at < FILE_SIZE / 2; at += 4) bytes.writeUInt32LE(chance(2 ** 32), at)
    tar.file(`${name}/${file}`, bytes)
  }
  return buildLayer(tar.bytes())
}

function shuffled<Item>(chance: Chance, items: Item[]): Item[] {
  for (let i = items.length - 1; i > 0; i--) {
    const other = chance(i + 1)
    ;[items[i], items[other]] = [items[other]!, items[i]!]
  }
  return items
}

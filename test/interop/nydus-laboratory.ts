/** A registry with images, our command line that converts them to Nydus, and what readers see of the results. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { BuiltImage } from '../../src/testing/image-builder.ts'
import { ourConverter } from './converter.ts'
import { asTree, mountedTree } from './erofs-tree.ts'
import { dictionary } from './handmade.ts'
import { checkBootstrap } from './nydus-image.ts'
import { pullBootstrap, pullDevices } from './nydus-pull.ts'
import { nydusVariants, type NydusVariant } from './nydus-variants.ts'
import { mountNydus, type NydusBackend } from './nydusd.ts'
import { stateFolder } from './programs.ts'
import { pushImage, type Registry, startRegistry } from './registry.ts'
import type { Reference } from './rough-cases.ts'
import { readTree, type Tree } from './tree.ts'
import { referenceTree } from './unpacked.ts'

const DICTIONARY = 'dictionary'

/** All of it; gone, state and all, when disposed of. */
export class NydusLaboratory implements AsyncDisposable {
  readonly registry: Registry
  readonly #folder: string
  readonly #originals = new Map<string, Promise<Tree>>()
  readonly #conversions = new Map<string, Promise<string>>()

  private constructor(registry: Registry, folder: string) {
    this.registry = registry
    this.#folder = folder
  }

  /** Starts the registry, with nothing in it but an image that can be a chunk dictionary. */
  static async open(): Promise<NydusLaboratory> {
    mkdirSync(stateFolder, { recursive: true })
    const folder = mkdtempSync(join(stateFolder, 'nydus-'))
    const laboratory = new NydusLaboratory(await startRegistry(join(folder, 'registry')), folder)
    await laboratory.push(DICTIONARY, dictionary())
    return laboratory
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.registry[Symbol.asyncDispose]()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** The reference of an image that is to be converted. */
  sourceOf(image: string): string {
    return `${this.registry.address}/${image}:latest`
  }

  /** Puts an image into the registry. */
  async push(name: string, image: BuiltImage): Promise<void> {
    await pushImage(this.registry.address, name, image)
  }

  /** What the original of an image is taken to hold; unpacked once. */
  original(image: string, reference: Reference = 'umoci'): Promise<Tree> {
    const tree = this.#originals.get(image) ?? referenceTree(reference, this.sourceOf(image))
    this.#originals.set(image, tree)
    return tree
  }

  /** The reference of the result. Each image is converted once in each way. Throws CommandError. */
  convert(image: string, variant: string): Promise<string> {
    const key = `${image} ${variant}`
    const target = this.#conversions.get(key) ?? this.#convert(image, variant)
    this.#conversions.set(key, target)
    return target
  }

  /** What the kernel shows of an image that was converted without compression. */
  async seenByKernel(image: string, architecture = 'amd64'): Promise<Tree> {
    const target = await this.convert(image, 'v6 none')
    const work = this.#scratch('kernel')
    const { bootstrap } = await pullBootstrap(target, work, architecture)
    const devices = await pullDevices(target, readFileSync(bootstrap), work)
    const mountPoint = join(work, 'mnt')
    mkdirSync(mountPoint)
    const mounted = { image: bootstrap, devices, target: mountPoint, contents: true }
    const seen = asTree(await mountedTree(mounted))
    rmSync(work, { recursive: true })
    return seen
  }

  /** What nydusd shows of an image, after nydus-image found its bootstrap right. */
  async seenByNydusd(image: string, variant: string): Promise<Tree> {
    const target = await this.convert(image, variant)
    const work = this.#scratch('nydusd')
    const { bootstrap } = await pullBootstrap(target, work)
    await checkBootstrap(bootstrap)
    const { backend, check } = variantNamed(variant)
    check(bootstrap)
    const where: NydusBackend =
      backend === 'localfs'
        ? { type: 'localfs', dir: this.#blobs() }
        : { type: 'registry', host: this.registry.address, repo: image }
    await using mounted = await mountNydus(bootstrap, where, work)
    return await readTree(mounted.mountPoint)
  }

  async #convert(image: string, variant: string): Promise<string> {
    const config = await variantNamed(variant).options({
      blobs: this.#blobs(),
      dictionary: () => this.convert(DICTIONARY, 'v6 zstd'),
    })
    const converter = ourConverter(this.#folder, this.registry.address, {
      driver: { type: 'nydus', config },
      tagSuffix: `-${variant.replaceAll(/\W/g, '-')}`,
    })
    return converter.convert(this.sourceOf(image))
  }

  #blobs(): string {
    const path = join(this.#folder, 'blobs')
    mkdirSync(path, { recursive: true })
    return path
  }

  #scratch(name: string): string {
    return mkdtempSync(join(this.#folder, `${name}-`))
  }
}

function variantNamed(name: string): NydusVariant {
  const variant = nydusVariants[name]
  if (variant === undefined) throw new Error(`no variant ${name}`)
  return variant
}

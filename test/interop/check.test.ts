/** Every image in every format, checked as `accelctl check` does through a real registry. What this means is in docs/interop.md. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { buildImage } from '../../src/testing/image-builder.ts'
import { openCheckBench, type CheckBench } from './check-bench.ts'
import { checkOutcomes, checkVariants, mainVariants } from './check-variants.ts'
import { dictionary, handmade } from './handmade.ts'
import { bringImages, full, largeImages, noImages, quickImages } from './images.ts'
import { lacking, stateFolder } from './programs.ts'
import { pushImage, type Registry, startRegistry } from './registry.ts'
import { type Row, writeResults } from './results.ts'
import { roughCases } from './rough-cases.ts'

const DICTIONARY = 'dictionary'
const variants = Object.keys(checkVariants(DICTIONARY))
const laboratoryImages = full ? [...quickImages, ...largeImages] : quickImages
const small = [...Object.keys(handmade), ...Object.keys(roughCases).map((name) => `rough-${name}`)]

/** The variants that an image is converted to: all of them where there is time, else one after the other. */
function variantsOf(image: string, number: number): readonly string[] {
  if (full) return largeImages.includes(image) ? mainVariants : variants
  const count = image in handmade || quickImages.includes(image) ? 3 : 1
  return Array.from({ length: count }, (_, i) => variants[(number * count + i) % variants.length]!)
}

suite('checks of all images', { skip: lacking('docker-registry', 'skopeo') }, () => {
  let registry: Registry
  let folder: string
  const benches = new Map<string, Promise<CheckBench>>()
  const rows: Row[] = []
  before(async () => {
    mkdirSync(stateFolder, { recursive: true })
    folder = mkdtempSync(join(stateFolder, 'check-'))
    registry = await startRegistry(join(folder, 'registry'))
    for (const [name, build] of Object.entries(handmade)) {
      await pushImage(registry.address, name, build())
    }
    for (const [name, { layers }] of Object.entries(roughCases)) {
      const image = buildImage({ layers: await layers() })
      await pushImage(registry.address, `rough-${name}`, image)
    }
    if (noImages === undefined) await bringImages(registry.address, laboratoryImages)
  })
  after(async () => {
    writeResults('check', rows)
    for (const bench of benches.values()) await (await bench)[Symbol.asyncDispose]()
    await registry[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  const sourceOf = (image: string): string => `${registry.address}/${image}:latest`

  /** The bench of a variant, opened once. */
  const benchOf = (variant: string): Promise<CheckBench> => {
    const opened = benches.get(variant) ?? openBench(variant)
    benches.set(variant, opened)
    return opened
  }
  const openBench = async (variant: string): Promise<CheckBench> => {
    const named = variant === 'v6, dictionary' ? await dictionaryReference() : DICTIONARY
    const suffix = `-${variant.replaceAll(/\W+/g, '-')}`
    return openCheckBench(folder, registry.address, checkVariants(named)[variant]!, suffix)
  }
  const dictionaryReference = async (): Promise<string> => {
    await pushImage(registry.address, DICTIONARY, dictionary())
    return (await benchOf('Nydus v6')).convert(sourceOf(DICTIONARY))
  }

  for (const [number, image] of [...small, ...laboratoryImages].entries()) {
    test(image, { skip: small.includes(image) ? undefined : noImages }, async () => {
      const row: Row = { image }
      rows.push(row)
      for (const variant of variantsOf(image, number)) {
        const outcome = await (await benchOf(variant)).outcome(sourceOf(image))
        row[variant] = outcome
        const known = checkOutcomes[image.replace('rough-', '')]
        const expected = known?.variants.test(variant) === true ? known.outcome : 'the same'
        assert.equal(outcome, expected, variant)
      }
    })
  }

  test('every variant is among them', () => {
    const seen = [...small, ...quickImages].flatMap((image, number) => variantsOf(image, number))
    assert.deepEqual(new Set(seen), new Set(variants))
  })
})

/** Every image in every format, checked as `accelctl check` does through a real registry. What this means is in docs/interop.md. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { buildImage } from '../../src/testing/image-builder.ts'
import { openCheckBench, type CheckBench } from './check-bench.ts'
import { checkOutcomes, checkVariants, mainVariants } from './check-variants.ts'
import { dictionary, handmade } from './handmade.ts'
import { full, largeImages } from './images.ts'
import { lacking, stateFolder } from './programs.ts'
import { pushImage, type Registry, startRegistry } from './registry.ts'
import { type Row, writeResults } from './results.ts'
import { roughCases } from './rough-cases.ts'
import { bringSourceImages, laboratoryImages, noSourceImage } from './source-images.ts'

/** Where the chunk dictionary is: an image, and what the variant with this name makes of it. */
const DICTIONARY = { image: 'dictionary', variant: 'Nydus v6' }

const rough = Object.keys(roughCases).map((name) => `rough-${name}`)
const images = [...Object.keys(handmade), ...rough, ...laboratoryImages]
const variants = Object.keys(checkVariants(''))

/** Whether an image is converted so: to everything where there is time, else to one variant after the other. */
function isWanted(image: string, variant: string): boolean {
  if (full) return !largeImages.includes(image) || mainVariants.includes(variant)
  const count = image.startsWith('rough-') ? 1 : 3
  const first = images.indexOf(image) * count
  return Array.from({ length: count }, (_, i) => variants[(first + i) % variants.length]).includes(
    variant,
  )
}

suite('checks of all images', { skip: lacking('docker-registry', 'skopeo') }, () => {
  let registry: Registry
  let folder: string
  const rows = new Map(images.map((image): [string, Row] => [image, { image }]))
  before(async () => {
    mkdirSync(stateFolder, { recursive: true })
    folder = mkdtempSync(join(stateFolder, 'check-'))
    registry = await startRegistry(join(folder, 'registry'))
    await pushImage(registry.address, DICTIONARY.image, dictionary())
    await bringSourceImages(registry.address)
    for (const [name, { layers }] of Object.entries(roughCases)) {
      const image = buildImage({ layers: await layers() })
      await pushImage(registry.address, `rough-${name}`, image)
    }
  })
  after(async () => {
    const seen = [...rows.values()].filter((row) => Object.keys(row).length > 1)
    writeResults('check', seen)
    await registry[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  const sourceOf = (image: string): string => `${registry.address}/${image}:latest`

  const openBench = (variant: string, chunksOf = ''): Promise<CheckBench> => {
    const suffix = `-${variant.replaceAll(/\W+/g, '-')}`
    const driver = checkVariants(chunksOf)[variant]!
    return openCheckBench({ folder, registry: registry.address, driver, suffix })
  }

  const convertedDictionary = async (): Promise<string> => {
    await using bench = await openBench(DICTIONARY.variant)
    return await bench.convert(sourceOf(DICTIONARY.image))
  }

  for (const variant of variants) {
    suite(variant, () => {
      let bench: CheckBench
      before(async () => {
        bench = await openBench(variant, await convertedDictionary())
      })
      after(() => bench[Symbol.asyncDispose]())

      for (const image of images.filter((one) => isWanted(one, variant))) {
        test(image, { skip: noSourceImage(image) }, async () => {
          const outcome = await bench.outcome(sourceOf(image))
          rows.get(image)![variant] = outcome
          const known = checkOutcomes[image]
          const expected = known?.variants.test(variant) === true ? known.outcome : 'the same'
          assert.equal(outcome, expected)
        })
      }
    })
  }

  test('every image and every variant is among them', () => {
    const pairs = images.flatMap((image) =>
      variants.filter((variant) => isWanted(image, variant)).map((variant) => [image, variant]),
    )
    assert.deepEqual(new Set(pairs.map(([image]) => image)), new Set(images))
    assert.deepEqual(new Set(pairs.map(([, variant]) => variant)), new Set(variants))
  })
})

/**
 * Nydus images against what reads them: the kernel's EROFS driver, and the Nydus project's own programs. What each check
 * means is in docs/interop.md.
 */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { buildImage } from '../../src/testing/image-builder.ts'
import { nydusVersion } from './nydus-image.ts'
import { NydusLaboratory } from './nydus-laboratory.ts'
import { nydusOutcomes } from './nydus-outcomes.ts'
import { nydusVariants } from './nydus-variants.ts'
import { kernelReason, lacking } from './programs.ts'
import { type Row, writeResults } from './results.ts'
import { type RoughCase, roughCases } from './rough-cases.ts'
import { asNydusdShows } from './nydusd.ts'
import { bringSourceImages, noSourceImage, sourceImages } from './source-images.ts'
import { differences, type Tree } from './tree.ts'
import { unpackedByUmoci } from './unpacked.ts'
import { codeOf, pattern } from './words.ts'

suite('Nydus images', { skip: lacking('docker-registry', 'skopeo', 'umoci', 'getfattr') }, () => {
  let laboratory: NydusLaboratory
  before(async () => {
    laboratory = await NydusLaboratory.open()
    await bringSourceImages(laboratory.registry.address)
  })
  after(() => laboratory[Symbol.asyncDispose]())

  /** Tests images; what came of it goes into the row of that image. */
  const forImages = (
    names: readonly string[],
    column: string,
    rows: Map<string, Row>,
    see: (image: string) => Promise<Tree>,
    expected = (original: Tree): Tree => original,
  ): void => {
    for (const image of names) {
      test(image, { skip: noSourceImage(image) }, async () => {
        const original = await laboratory.original(image)
        const found = differences(expected(original), await see(image))
        const row = rows.get(image) ?? { image, entries: original.size }
        row[column] = found.slice(0, 3).join('; ') || 'equal'
        rows.set(image, row)
        assert.deepEqual(found, [])
      })
    }
  }

  /** Tests each rough image against what is expected of it. */
  const forRoughImages = (
    table: string,
    variant: string,
    see: (image: string) => Promise<Tree>,
    shown = (original: Tree): Tree => original,
  ): void => {
    const rows: Row[] = []
    after(() => writeResults(table, rows))
    for (const [name, rough] of Object.entries(roughCases)) {
      test(`rough: ${name}: ${rough.what}`, async () => {
        const outcome = await outcomeOf(`rough-${name}`, rough, variant, see, shown)
        const { expected = 'equal', why = '' } = nydusOutcomes[name] ?? {}
        rows.push({ image: name, what: rough.what, outcome, why })
        assert.match(outcome, pattern(expected))
      })
    }
  }

  /** In words: `refused CODE`, `equal`, or `different: …`, the first three differences. */
  const outcomeOf = async (
    image: string,
    { layers, reference }: RoughCase,
    variant: string,
    see: (image: string) => Promise<Tree>,
    shown: (original: Tree) => Tree,
  ): Promise<string> => {
    await laboratory.push(image, buildImage({ layers: await layers() }))
    try {
      await laboratory.convert(image, variant)
    } catch (error) {
      return `refused ${codeOf(error)}`
    }
    const found = differences(shown(await laboratory.original(image, reference)), await see(image))
    return found.length === 0 ? 'equal' : `different: ${found.slice(0, 3).join('; ')}`
  }

  suite('mounted by the kernel', { skip: kernelReason() }, () => {
    const rows = new Map<string, Row>()
    after(() => writeResults('nydus-kernel', [...rows.values()]))
    forImages(sourceImages, 'kernel', rows, (image) => laboratory.seenByKernel(image))
    test('platforms, on arm64', async () => {
      const original = await unpackedByUmoci(laboratory.sourceOf('platforms'), 'arm64')
      assert.equal(original.get('etc/architecture')?.size, 'arm64\n'.length)
      assert.deepEqual(
        differences(original, await laboratory.seenByKernel('platforms', 'arm64')),
        [],
      )
    })
    forRoughImages('nydus-kernel-rough', 'v6 none', (image) => laboratory.seenByKernel(image))
  })

  suite('read by nydus-image and nydusd', { skip: lacking('nydus-image', 'nydusd') }, () => {
    const rows = new Map<string, Row>()
    before(async () => console.log(`nydus-image and nydusd: ${await nydusVersion()}`))
    after(() => writeResults('nydusd', [...rows.values()]))
    for (const variant of Object.keys(nydusVariants)) {
      const see = (image: string): Promise<Tree> => laboratory.seenByNydusd(image, variant)
      // Thousands of tiny files, each of them fetched by itself: once is enough.
      const some =
        variant === 'v6 zstd' ? sourceImages : sourceImages.filter((image) => image !== 'many')
      suite(variant, () => forImages(some, variant, rows, see, asNydusdShows))
    }
    const see = (image: string): Promise<Tree> => laboratory.seenByNydusd(image, 'v6 zstd')
    suite('rough images', () => forRoughImages('nydusd-rough', 'v6 zstd', see, asNydusdShows))
  })
})

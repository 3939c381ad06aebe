/** The images of rough-cases.ts: each is converted and pulled lazily, and what comes of it is in the table there. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { buildImage } from '../../src/testing/image-builder.ts'
import type { LazyPull, LazyPuller } from './containerd.ts'
import { type House, openHouse } from './house.ts'
import { bringImages, full, noImages } from './images.ts'
import { lacking } from './programs.ts'
import { layersOf, pushImage } from './registry.ts'
import { type Row, writeResults } from './results.ts'
import { type Reference, roughCases } from './rough-cases.ts'
import { differences } from './tree.ts'
import { referenceTree } from './unpacked.ts'
import { codeOf, lastLine, pattern } from './words.ts'

const programs = ['docker-registry', 'skopeo', 'umoci', 'getfattr', 'containerd', 'ctr-remote']
const all = Object.entries(roughCases)
const reason = lacking(...programs)

suite('rough images', { skip: reason, concurrency: 2 }, () => {
  let house: House
  const rows: Row[] = []
  before(async () => {
    house = await openHouse()
  })
  after(async () => {
    rows.sort((a, b) => (String(a.image) < String(b.image) ? -1 : 1))
    writeResults(`rough-${house.converter.name}`, rows)
    await house[Symbol.asyncDispose]()
  })

  for (const [name, { what, layers, expected = 'equal', reference = 'umoci', why = '' }] of all) {
    test(`${name}: ${what}`, async (t) => {
      if (!house.needLazy(t)) return
      const image = buildImage({ layers: await layers() })
      const source = await pushImage(house.registry.address, `rough-${name}`, image)
      const outcome = await outcomeOf(house, house.lazy, source, reference)
      const compared = typeof reference === 'string' ? reference : 'a list by hand'
      rows.push({ image: name, what, outcome, 'compared with': compared, why })
      if (house.converter.name === 'ours') assert.match(outcome, pattern(expected))
    })
  }
})

// The laboratory wrote images of the same names by itself: the same must come of them.
suite(
  'rough images of the laboratory',
  { skip: full ? (noImages ?? reason) : 'ACCEL_INTEROP is not full' },
  () => {
    let house: House
    let names: string[] = []
    before(async () => {
      house = await openHouse()
      names = await bringImages(house.registry.address, ['rough'])
    })
    after(() => house[Symbol.asyncDispose]())

    test('every one of them has a row', () => {
      assert.deepEqual(
        names.map((name) => name.replace('rough-', '')).filter((name) => !(name in roughCases)),
        [],
      )
    })

    test('the same comes of each', async (t) => {
      if (!house.needLazy(t)) return
      const { lazy } = house
      for (const name of names) {
        await t.test(name, async () => {
          const row = roughCases[name.replace('rough-', '')]
          const source = `${house.registry.address}/${name}:latest`
          const outcome = await outcomeOf(house, lazy, source, row?.reference ?? 'umoci')
          assert.match(outcome, pattern(row?.expected ?? 'equal'))
        })
      }
    })
  },
)

/**
 * In words: `refused CODE`; `converted, cannot be pulled: …`; `equal`, also `equal, N layers kept` where the converter
 * left layers as they were; `different: …`, the first three differences.
 */
async function outcomeOf(
  house: House,
  lazy: LazyPuller,
  source: string,
  reference: Reference,
): Promise<string> {
  let target: string
  try {
    target = await house.converter.convert(source)
  } catch (error) {
    return `refused ${codeOf(error)}`
  }
  let pulled: LazyPull
  try {
    pulled = await lazy.pull(target)
  } catch (error) {
    return `converted, cannot be pulled: ${lastLine(error)}`
  }
  const sourceDigests = new Set((await layersOf(source)).map((layer) => layer.digest))
  const kept = (await layersOf(target)).filter((layer) => sourceDigests.has(layer.digest)).length
  if (pulled.ordinary.length !== kept) {
    return `not lazy: ${pulled.ordinary.map((layer) => layer.reason).join('; ')}`
  }
  const found = differences(await referenceTree(reference, source), pulled.tree)
  if (found.length > 0) return `different: ${found.slice(0, 3).join('; ')}`
  return kept === 0 ? 'equal' : `equal, ${kept} ${kept === 1 ? 'layer' : 'layers'} kept`
}

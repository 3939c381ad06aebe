import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import type { SourceImage } from '../convert/source-image.ts'
import { parseNydusOptions } from '../drivers/nydus/options.ts'
import { parseEstargzOptions } from '../drivers/estargz/options.ts'
import { digestOf } from '../oci/digest.ts'
import type { LayerMaker } from './format.ts'
import type { FormatName } from './format-name.ts'
import type { LayerEstimate } from './layer-estimate.ts'
import { lazyBytes, type LayerNeed } from './start-bytes.ts'

const MIB = 1024 * 1024
const digest = digestOf('a layer')
const descriptor = { mediaType: 'a/layer', digest, size: 40 * MIB }

/** A layer of 100 MiB of files that every format stores in 40, with a MiB of index. */
function layers(kept?: string): Map<typeof digest, LayerEstimate> {
  const none = { threadMs: 0, batchMs: 0, ...(kept === undefined ? {} : { kept }) }
  const layer: Partial<LayerEstimate> = {
    descriptor,
    fileBytes: 100 * MIB,
    made: new Map([
      ['estargz', { ...none, size: 41 * MIB, indexSize: MIB, imageSize: 0 }],
      ['nydus', { ...none, size: 40 * MIB, indexSize: 0, imageSize: MIB }],
      ['nydus-v5', { ...none, size: 40 * MIB, indexSize: 0, imageSize: MIB }],
      ['oci_ref', { ...none, size: MIB / 2, indexSize: 0, imageSize: MIB }],
    ]),
  }
  return new Map([[digest, layer as LayerEstimate]])
}

const config = { mediaType: 'a/config', digest: digestOf('a config'), size: 500 }
const image = { manifest: { config, layers: [descriptor] } } as unknown as SourceImage
const nydus = parseNydusOptions({}).format
const makers: Partial<Record<FormatName, LayerMaker>> = {
  estargz: { kind: 'lazy', format: parseEstargzOptions({}).format },
  nydus: { kind: 'nydus', format: nydus },
  'nydus-v5': { kind: 'nydus', format: { ...nydus, version: 5 } },
  oci_ref: { kind: 'ref', format: nydus },
}

/** What is pulled of files of these sizes. */
function filesOf(name: FormatName, sizes: readonly number[], from = layers()): number {
  const need: LayerNeed = {
    bytes: () => sizes.reduce((a, b) => a + b, 0),
    runs: (run) => sizes.reduce((sum, size) => sum + Math.floor(size / run) + 1, 0),
  }
  const { index, files } = lazyBytes(
    image,
    from,
    { name, maker: makers[name]! },
    new Map([[digest, need]]),
  )
  assert.equal(index, config.size + (from.get(digest)!.made.get(name)!.kept ? 0 : MIB))
  return files
}

suite('what a lazy client pulls', () => {
  test('the files, compressed as the format does it', () => {
    assert.equal(filesOf('estargz', [10 * MIB]), 4 * MIB)
    assert.equal(filesOf('nydus-v5', [10 * MIB]), 4 * MIB)
    assert.equal(filesOf('nydus-v5', []), 0)
  })

  test('a small file brings a request of 1 MiB in v6, a context where the layer stays', () => {
    const near = (is: number, expected: number): void =>
      assert(Math.abs(is - expected) < 10, `${is}`)
    near(filesOf('nydus', [1]), MIB)
    near(filesOf('oci_ref', [1]), 1.5 * MIB * 0.4)
  })

  test('no more than there is, however many files', () => {
    const sizes = fc.array(fc.nat({ max: 3 * MIB }), { maxLength: 300 })
    fc.assert(
      fc.property(
        sizes,
        fc.constantFrom<FormatName>('estargz', 'nydus', 'oci_ref'),
        (all, name) => {
          const files = filesOf(name, all)
          assert(files >= 0 && files <= 40 * MIB)
          assert(files <= filesOf(name, [...all, MIB]))
        },
      ),
    )
  })

  test('a layer that stays as it is comes whole', () => {
    assert.equal(filesOf('estargz', [1], layers('it has too many names')), 40 * MIB)
  })
})

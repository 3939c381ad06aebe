/** Images whose data is, in part, in blobs of others: in the layers of the source, or in those of a chunk dictionary. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { suite, test, type TestContext } from 'node:test'
import type { ConfiguredDriver } from '../drivers/driver.ts'
import type { LayerResult } from '../drivers/layer-result.ts'
import { digestOf } from '../oci/digest.ts'
import {
  checkedConversion,
  withLayers,
  type CheckedConversion,
  type CheckedConversionInit,
} from '../testing/checked-conversion.ts'
import { inChunkTable } from '../testing/damage/nydus-blob-edit.ts'
import { rewritten } from '../testing/damage/nydus-tree-edit.ts'
import { buildLayer } from '../testing/image-builder.ts'
import { testTar } from '../testing/tar-builder.ts'

const content = Buffer.from(Array.from({ length: 9000 }, (_, i) => (i * i * 31 + (i >> 3)) % 251))

const lower = testTar().directory('d/').file('d/f', content).file('d/g', 'own', { mode: 0o600 })
const upper = testTar().file('h', content).hardlink('i', 'h')
const layers = [buildLayer(lower.bytes()), buildLayer(upper.bytes())]

type Change = (result: LayerResult, path: string) => void | Promise<void>

/** The first entry of a layer is not what the conversion made of it; as one that has 56 bytes before a path of one. */
const otherMode: Change = ({ listing }) => void (listing!.bytes[2]! ^= 0o100)

suite('an image by reference', () => {
  const convert = (
    t: TestContext,
    change: Change = () => {},
    init: Partial<CheckedConversionInit> = {},
  ): Promise<CheckedConversion> => {
    const config = { oci_ref: 'true' }
    return checkedConversion(t, {
      driver: 'nydus',
      config,
      layers,
      change: withLayers(change),
      ...init,
    })
  }

  test('is compared before it is pushed, in gzip, plain and zstd', async (t) => {
    for (const compression of ['gzip', 'none', 'zstd'] as const) {
      const stored = [buildLayer(lower.bytes(), { compression }), layers[1]!]
      const { report } = await convert(t, undefined, { layers: stored })
      assert.deepEqual(
        report.warnings.filter((text) => text.includes('compared')),
        [],
      )
      assert.equal(report.verifiedPaths, 6)
    }
  })

  test('may have a layer without content', async (t) => {
    const empty = buildLayer(testTar().directory('e/').whiteout('d/g').bytes())
    const { report } = await convert(t, undefined, { layers: [...layers, empty] })
    assert.deepEqual([report.warnings, report.verifiedPaths], [[], 6])
  })

  test('that is not its source is not pushed', async (t) => {
    await assert.rejects(convert(t, otherMode), {
      code: 'IMAGE_VERIFY_FAILED',
      message: /d: mode: 0655 became 0755/,
    })
  })

  test('whose tables lead to other bytes is not pushed', async (t) => {
    const moved: Change = async (result, path) => {
      const change = inChunkTable(({ chunks }) => void (chunks[0]!.zran!.offset += 1))
      const bytes = await change(await readFile(path))
      await writeFile(path, bytes)
      result.descriptor.digest = digestOf(bytes)
    }
    await assert.rejects(convert(t, moved), {
      code: 'IMAGE_VERIFY_FAILED',
      message: /(d\/f|h): .*(digest|outside its zran context)/,
    })
  })

  test('whose layer is not what the config says is not pushed', async (t) => {
    const [first, second] = layers as [(typeof layers)[0], (typeof layers)[0]]
    const wrong = [first, { ...second, diffId: digestOf('another') }]
    await assert.rejects(convert(t, undefined, { layers: wrong }), {
      code: 'IMAGE_DIFF_ID_MISMATCH',
    })
  })
})

/** As if the conversion had found the first chunk of the dictionary elsewhere in its blob. */
function otherDictionary(configured: ConfiguredDriver): ConfiguredDriver {
  return {
    ...configured,
    async prepare(context) {
      const converter = await configured.prepare!(context)
      return {
        ...converter,
        async finishImage(...args) {
          const finished = await converter.finishImage!(...args)
          const bytes = await readFile(finished.dictionary![0]!)
          const path = context.newFile()
          const moved = rewritten(bytes, (tree) =>
            tree.changeChunk('same', 0, { compressedOffset: 7 }),
          )
          await writeFile(path, moved)
          return { ...finished, dictionary: [path] }
        },
      }
    },
  }
}

for (const version of ['6', '5']) {
  suite(`an image with chunks of a dictionary, RAFS v${version}`, () => {
    const convert = async (
      t: TestContext,
      change?: CheckedConversionInit['change'],
    ): Promise<CheckedConversion> => {
      const config = { fs_version: version, fs_chunk_size: '4096' }
      const source = buildLayer(testTar().file('same', content).file('more', 'm').bytes())
      const dictionary = await checkedConversion(t, { driver: 'nydus', config, layers: [source] })
      return checkedConversion(t, {
        driver: 'nydus',
        config: { ...config, chunk_dict_ref: 'dictionary' },
        layers,
        ...(change && { change }),
        otherImage: dictionary.target,
      })
    }

    test('is compared before it is pushed', async (t) => {
      const { report } = await convert(t)
      assert.deepEqual(report.warnings, [])
      assert.equal(report.verifiedPaths, 6)
    })

    test('that is not its source is not pushed', async (t) => {
      const otherContent: Change = ({ listing }) => {
        // The digest of the second entry, behind the first, whose path has one byte, and 56 of its own.
        listing!.bytes[57 + 56]! ^= 1
      }
      await assert.rejects(convert(t, withLayers(otherContent)), {
        code: 'IMAGE_VERIFY_FAILED',
        message: /d\/f: content: |i: |h: /,
      })
    })

    test('that says another thing of a chunk than its dictionary is not pushed', async (t) => {
      await assert.rejects(convert(t, otherDictionary), {
        code: 'IMAGE_VERIFY_FAILED',
        message: /d\/f: .*the dictionary says another thing of chunk 0/,
      })
    })
  })
}

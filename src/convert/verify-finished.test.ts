import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test, type TestContext } from 'node:test'
import type { ConfiguredDriver } from '../drivers/driver.ts'
import { digestOf } from '../oci/digest.ts'
import {
  checkedConversion,
  withLayers,
  type CheckedConversion,
} from '../testing/checked-conversion.ts'
import { buildLayer } from '../testing/image-builder.ts'
import { testTar } from '../testing/tar-builder.ts'

// Some tar writers say the kind of file in the mode as well.
const lower = testTar().directory('d/').file('d/f', 'content', { mode: 0o100644 }).file('gone', 'x')
const upper = testTar().whiteout('gone').file('h', 'more').hardlink('i', 'h')

/** Converts an image of two layers with a driver. */
function convert(
  t: TestContext,
  driver: string,
  change: (configured: ConfiguredDriver) => ConfiguredDriver = (configured) => configured,
): Promise<CheckedConversion> {
  const layers = [buildLayer(lower.bytes()), buildLayer(upper.bytes())]
  return checkedConversion(t, { driver, layers, change })
}

// Six entries by each of two readers, layer by layer; the five paths of the image by nydusd.
for (const [driver, paths] of [
  ['estargz', 12],
  ['zstdchunked', 12],
  ['nydus', 5],
] as const) {
  test(`${driver}: the result is compared before it is pushed`, async (t) => {
    const { report } = await convert(t, driver)
    assert.deepEqual(report.warnings, [])
    assert.equal(report.verifiedPaths, paths)
  })

  test(`${driver}: what is not its source is not pushed`, async (t) => {
    // As if the conversion had changed a mode: the second entry of what the lower layer is said to hold.
    const lie = withLayers(({ listing }) => void (listing!.bytes[2]! ^= 0o100))
    await assert.rejects(convert(t, driver, lie), {
      code: 'IMAGE_VERIFY_FAILED',
      message: / in [12] places: d: mode: 0655 became 0755/,
    })
  })
}

test('nydus: the chunks of each blob are read back once, and then stand for what files hold', async (t) => {
  const checked: boolean[] = []
  const look = (configured: ConfiguredDriver): ConfiguredDriver => ({
    ...configured,
    async finishImage(image, layers, context) {
      checked.push(...layers.map(({ result }) => result.checkedBlob !== undefined))
      return configured.finishImage!(image, layers, context)
    },
  })
  const { report } = await convert(t, 'nydus', look)
  assert.deepEqual([checked, report.verifiedPaths], [[true, true], 5])
})

test('nydus: other content than that of the source is named, though every chunk is as its blob says', async (t) => {
  const lie = withLayers(({ listing }) => {
    // The second entry begins behind one of 56 bytes and a name of one; its digest behind another 56.
    listing!.bytes[57 + 56]! ^= 1
  })
  await assert.rejects(convert(t, 'nydus', lie), {
    code: 'IMAGE_VERIFY_FAILED',
    message: / in [12] places: d\/f: content: [0-9a-f]{64} became /,
  })
})

test('nydus: a chunk that is not as its blob says is named by its file', async (t) => {
  const damage = withLayers(async ({ descriptor }, path) => {
    const bytes = await readFile(path)
    bytes[bytes.indexOf('content')]! ^= 1
    await writeFile(path, bytes)
    descriptor.digest = digestOf(bytes)
  })
  await assert.rejects(convert(t, 'nydus', damage), {
    code: 'IMAGE_VERIFY_FAILED',
    message: /d\/f: /,
  })
})

test('an image with a layer that was not read is pushed with a warning', async (t) => {
  const unread = withLayers((result) => void delete result.listing)
  const { report, pushed } = await convert(t, 'estargz', unread)
  assert.equal(report.warnings.length, 1)
  assert.match(
    report.warnings[0]!,
    / was not compared with its source: a layer of it was not read$/,
  )
  assert(await pushed())
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../oci/digest.ts'
import { growthOf } from './growth.ts'
import type { ConversionReport, LayerReport } from './report.ts'

function layer(before: number, after: number, indexSize?: number): LayerReport {
  const digest = digestOf(String(before))
  const mediaType = 'application/x'
  const target = { digest, mediaType, size: after, ...(indexSize ? { indexSize } : {}) }
  return { source: { digest, mediaType, size: before }, target, entries: 7 }
}

function report(...layers: LayerReport[]): ConversionReport {
  const digest = digestOf('image')
  return {
    source: 'app:1',
    sourceDigest: digest,
    target: 'app:1-lazy',
    driver: { name: 'x', version: '1' },
    sourceSize: layers.reduce((sum, { source }) => sum + source.size, 0),
    targetSize: layers.reduce((sum, { target }) => sum + target.size, 0),
    images: [{ platform: 'linux/amd64', sourceDigest: digest, targetDigest: digest, layers }],
    kept: [],
    warnings: [],
    timings: { pullMs: 0, convertMs: 0, pushMs: 0, totalMs: 0 },
  }
}

test('more growth than is allowed is said, with the layer that grew most', () => {
  const grown = report(layer(10e6, 11e6), layer(20e6, 25e6, 900_000), layer(1e6, 500_000))
  assert.equal(
    growthOf(grown, 10),
    `app:1-lazy has 36500000 bytes, 17.7 % more than its source; converter.growth_warning is 10 %. ` +
      `Layer 2 of linux/amd64 (${digestOf('20000000')}) grew most: ` +
      `from 20000000 to 25000000 bytes for 7 entries, 900000 of them to say where its files are`,
  )
  assert.equal(growthOf(grown, 18), undefined)
  assert.equal(growthOf(grown, 17)?.includes('17.7 %'), true)
})

test('growth of what is not a layer, such as a bootstrap, is said without one', () => {
  const grown = { ...report(layer(10e6, 9e6)), targetSize: 20e6 }
  assert.equal(
    growthOf(grown, 0),
    'app:1-lazy has 20000000 bytes, 100.0 % more than its source; converter.growth_warning is 0 %',
  )
})

test('an image without layers grows by its config alone', () => {
  assert.match(
    growthOf({ ...report(), sourceSize: 1, targetSize: 2e6 }, 0)!,
    /% more than its source/,
  )
})

test('small images may grow by what they want', () => {
  assert.equal(growthOf(report(layer(1000, 900_000)), 0), undefined)
  assert.equal(growthOf(report(), 0), undefined)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../oci/digest.ts'
import { conversionSeconds, type Machine } from './conversion-time.ts'
import type { FormatName } from './format-name.ts'
import type { LayerEstimate } from './layer-estimate.ts'
import type { MeasuredLayer } from './layer-sink.ts'

/** A layer of 10 MB that takes a second to decode, one to write and four to compress. */
function layer(name: string, made: [FormatName, Partial<MeasuredLayer>][]): LayerEstimate {
  const none = { size: 10e6, indexSize: 0, imageSize: 0, threadMs: 1000, batchMs: 4000 }
  return {
    descriptor: { mediaType: 'a/layer', digest: digestOf(name), size: 10e6 },
    compression: 'gzip',
    whole: true,
    seen: 10e6,
    tar: 30e6,
    entries: 1,
    files: 1,
    fileBytes: 30e6,
    smallFiles: 0,
    decodeMs: 1000,
    made: new Map(made.map(([format, its]) => [format, { ...none, ...its }])),
    unsuitable: undefined,
    names: {},
  }
}

const machine: Machine = {
  processors: 4,
  threads: 4,
  layers: 2,
  startMs: 500,
  pullRate: undefined,
  verify: false,
}
const one = layer('one', [['estargz', {}]])
const two = layer('two', [['estargz', {}]])

test('one layer takes as long as its thread, or its share of the processors', () => {
  assert.equal(conversionSeconds([one], 'estargz', machine), 0.5 + 2)
  assert.equal(conversionSeconds([one], 'estargz', { ...machine, threads: 1 }), 0.5 + 4)
  assert.equal(conversionSeconds([one], 'estargz', { ...machine, processors: 1 }), 0.5 + 6)
})

test('layers are worked on side by side, as many as there may be', () => {
  assert.equal(conversionSeconds([one, two], 'estargz', machine), 0.5 + 3)
  assert.equal(conversionSeconds([one, two], 'estargz', { ...machine, layers: 1 }), 0.5 + 4)
})

test('reading back takes a third more, and no network is passed', () => {
  const verified = conversionSeconds([one], 'estargz', { ...machine, verify: true })
  assert.equal(verified, 0.5 + 2 + (6 * 0.33) / 4)
  // 10 MB come in ten seconds, and go in ten
  assert.equal(conversionSeconds([one], 'estargz', { ...machine, pullRate: 1e6 }), 0.5 + 10 + 10)
})

test('what is read where it is is decoded by the tables alone; what cannot be gets a blob', () => {
  const ref = layer('ref', [
    ['oci_ref', { batchMs: 0, threadMs: 1500 }],
    ['nydus', {}],
  ])
  const native = layer('zstd', [['nydus', { threadMs: 3000 }]])
  assert.equal(conversionSeconds([ref], 'oci_ref', machine), 0.5 + 1.5)
  assert.equal(conversionSeconds([native], 'oci_ref', machine), 0.5 + 4)
})

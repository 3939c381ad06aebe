import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { parseArguments, parseSize, UsageError } from '../../scripts/bench/arguments.ts'
import { measuredRun } from '../../scripts/bench/measured-run.ts'
import { summaryOf, type ConversionRun } from '../../scripts/bench/result.ts'
import { alternating, median, ratioOf, spreadOf } from '../../scripts/bench/statistics.ts'
import { binaryPool, chanceOf, textPool } from '../../scripts/bench/synthetic-content.ts'
import { packImage } from '../../scripts/bench/synthetic-image.ts'
import { formatDuration, formatSize, formatTable } from '../../scripts/bench/table.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const { signal } = new AbortController()

describe('statistics', () => {
  test('the median is the middle one, or the mean of the two in the middle, in any order', () => {
    assert.equal(median([3, 1, 2]), 2)
    assert.equal(median([10, 9, 1, 2]), 5.5)
    assert.equal(median([7]), 7)
    assert.equal(median([]), NaN)
    assert.deepEqual(spreadOf([3, 1, 10]), { median: 3, min: 1, max: 10 })
  })

  test('ratios are taken run by run, so a slow moment of the machine cancels out', () => {
    assert.deepEqual(ratioOf([2, 20, 3], [4, 40, 6]), { median: 0.5, min: 0.5, max: 0.5 })
    assert.deepEqual(ratioOf([1, 2, 3], [2, 2]), { median: 0.75, min: 0.5, max: 1 })
    assert.deepEqual(ratioOf([1, 5], [0, 1]), { median: 5, min: 5, max: 5 })
    assert.equal(ratioOf([], []), undefined)
  })

  test('two sides take turns at being first', () => {
    assert.deepEqual(alternating('a', 'b', 3).join(''), 'abbaab')
  })
})

describe('tables', () => {
  test('columns are as wide as their widest cell, to the left or to the right', () => {
    const columns = [{ title: 'image', align: 'left' as const }, { title: 's' }, { title: 'note' }]
    assert.equal(
      formatTable(columns, [
        ['a', '1.25', ''],
        ['longer', '10.00'],
        ['b', undefined, 'x'],
      ]),
      'image       s  note\n------  -----  ----\na        1.25\nlonger  10.00\nb                 x\n',
    )
    assert.equal(formatTable([{ title: '', align: 'left' }, { title: '' }], [['a', 'b']]), 'a  b\n')
  })

  test('sizes have three digits', () => {
    assert.deepEqual(
      [0, 999, 1000, 12_345, 999_499, 999_500, 126_595_440, 2 ** 31, 1e15].map(formatSize),
      ['0 B', '999 B', '1.00 kB', '12.3 kB', '999 kB', '1.00 MB', '127 MB', '2.15 GB', '1000 TB'],
    )
  })

  test('durations say what a person would', () => {
    assert.deepEqual([0.44, 9.96, 34.4, 999.4, 1240, 84_000].map(formatDuration), [
      '0.4 ms',
      '10.0 ms',
      '34 ms',
      '999 ms',
      '1.24 s',
      '84.0 s',
    ])
  })
})

describe('the command line', () => {
  test('without an image all built-in ones are measured', () => {
    const wanted = parseArguments([])
    assert.deepEqual(
      wanted?.images.map((image) => [image.name, 'definition' in image]),
      [
        ['small-files', true],
        ['binaries', true],
        ['mixed', true],
      ],
    )
    assert.equal(wanted?.runs, 3)
    assert.equal(wanted?.driver, 'estargz')
    assert.equal(wanted?.verify, true)
    assert.match(wanted?.program ?? '', /\/bin\/accelctl\.js$/)
  })

  test('what is measured can be another program, and without its last look', () => {
    const wanted = parseArguments(['--no-verify', '--program', '/x/accelctl.js'])
    assert.deepEqual([wanted?.verify, wanted?.program], [false, '/x/accelctl.js'])
  })

  test('references, built-in names, formats and options are told apart', () => {
    const wanted = parseArguments(
      'mixed 127.0.0.1:5000/nginx:1 mixed --format zstdchunked --option chunk_size=0x100000'.split(
        ' ',
      ),
    )
    assert.deepEqual(
      wanted?.images.map((image) => [image.name, 'reference' in image]),
      [
        ['mixed', false],
        ['127.0.0.1:5000/nginx:1', true],
      ],
    )
    assert.equal(wanted?.driver, 'zstdchunked')
    assert.deepEqual(wanted?.options, { chunk_size: '0x100000' })
  })

  test('one layer of a size or with a number of files can be asked for', () => {
    const wanted = parseArguments(['--large', '2GiB', '--files', '200000'])
    assert.deepEqual(
      wanted?.images.map(({ name }) => name),
      ['large-2gib', 'files-200000'],
    )
    const [large] = wanted?.images ?? []
    assert.ok(large !== undefined && 'definition' in large)
    const { files = 0, size = 0 } = large.definition[0]?.binaries ?? {}
    assert.equal(files * size, 2 ** 31)
    assert.equal(parseSize('1.5MB'), 1_500_000)
  })

  for (const argv of [
    '--runs 0',
    '--large 2XB',
    '--large 0',
    '--option level',
    '--what',
    '--files -1',
  ]) {
    test(`${argv} is refused`, () => {
      assert.throws(() => parseArguments(argv.split(' ')), UsageError)
    })
  }
})

describe('synthetic images', () => {
  test('their bytes are the same everywhere', async () => {
    const content = [textPool(), binaryPool()].map((pool) => pool(chanceOf(7), 100_000))
    assert.deepEqual(content.map(digestOf), [
      'sha256:37c735657af546a3de64f30926184ad4cf862344becba7d1997cd4c231f9cf7e',
      'sha256:403f1db0bc99c61ffb43e5a0701914c34c7039e0452244cbd8260554b887cb5b',
    ])
  })

  test('a layer is a gzip of the tar that its digests speak of', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'bench-test-'))
    try {
      const definition = [
        { text: { files: 60, least: 10, most: 100 }, binaries: { files: 1, size: 3_000_001 } },
      ]
      const { image, layers } = await packImage(definition, directory, { signal })
      const [layer] = layers
      assert.ok(layer !== undefined)
      const blob = await readFile(layer.path)
      const tar = gunzipSync(blob)
      assert.equal(layer.descriptor.digest, digestOf(blob))
      assert.equal(layer.descriptor.size, blob.length)
      assert.equal(layer.diffId, digestOf(tar))
      assert.equal(layer.tarSize, tar.length)
      // the folder of the layer, two of files, the files
      assert.equal(layer.entries, 1 + 2 + 60 + 1)
      assert.equal(image.blobs.length, 2)
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})

describe('measuring a program', () => {
  test('the time and memory of all its processes count', async () => {
    const burn = `const end = process.cpuUsage().user + 300_000; while (process.cpuUsage().user < end);`
    const hold = `const held = Buffer.alloc(150e6, 1); ${burn} console.log(held.length)`
    const script = `"$0" -e '${burn}' & "$0" -e '${hold}'; wait`
    const run = await measuredRun(['bash', '-c', script, process.execPath], { signal })
    assert.equal(run.stdout, '150000000\n')
    assert.ok(run.userSeconds >= 0.6, `${run.userSeconds} s`)
    assert.ok(run.wallSeconds > 0.3)
    if (process.platform === 'linux') assert.ok(run.peakBytes > 150e6, `${run.peakBytes} bytes`)
  })

  test('a program that fails is no measurement', async () => {
    await assert.rejects(
      measuredRun(['bash', '-c', 'echo reason >&2; exit 3'], { signal }),
      /ended with 3:\nreason/,
    )
  })

  test('a program is ended with all its processes when the benchmark is', async () => {
    const abort = new AbortController()
    const run = measuredRun(['bash', '-c', 'sleep 60 & sleep 60'], { signal: abort.signal })
    abort.abort(new Error('enough'))
    await assert.rejects(run, /enough/)
  })
})

test('a summary has medians, throughput by the tar, and ratios', () => {
  const run = (wallSeconds: number, userSeconds: number): ConversionRun => ({
    wallSeconds,
    userSeconds,
    systemSeconds: 1,
    peakBytes: 100,
    outputSize: 10,
  })
  const summary = summaryOf({
    name: 'image',
    layers: 1,
    entries: 1,
    sourceSize: 20,
    uncompressedSize: 60,
    ours: [run(2, 3), run(6, 5), run(3, 4)],
    theirs: [run(4, 7), run(6, 11), run(6, 9)],
    floor: [run(1, 1), run(1, 2), run(1, 1.5)],
  })
  assert.equal(summary.ours.wallSeconds, 3)
  assert.equal(summary.ours.cpuSeconds, 5)
  assert.equal(summary.ours.bytesPerSecond, 20)
  assert.equal(summary.ours.bytesPerCpuSecond, 12)
  assert.deepEqual(summary.ratios?.wall, { median: 0.5, min: 0.5, max: 1 })
  assert.deepEqual(summary.ratios?.cpu, { median: 0.5, min: 0.5, max: 0.5 })
  assert.deepEqual(summary.floorRatio, { median: 2, min: 2, max: 2 })
})

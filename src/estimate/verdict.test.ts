import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { FormatName } from './format-name.ts'
import type { FormatEstimate } from './report.ts'
import { formatVerdict, imageVerdict, type VerdictInit } from './verdict.ts'

const MB = 1e6
const bandwidth = 100 * MB

function known(bytes: number): VerdictInit {
  const ordinary = { bytes, seconds: bytes / bandwidth }
  return { ordinary, bandwidth, size: bytes, growthWarning: 10 }
}

function format(
  name: FormatName,
  { lazy, newBytes, change = 0 }: { lazy: number; newBytes: number; change?: number },
): FormatEstimate {
  return {
    name,
    size: newBytes,
    error: 0,
    change,
    newBytes,
    knownLayers: 0,
    seconds: 1,
    memory: 1,
    lazy: { index: lazy / 2, files: lazy / 2, seconds: lazy / bandwidth },
    readers: '',
    ordinary: name === 'estargz',
    verdict: '',
  }
}

suite('the verdict on an image', () => {
  const formats = [
    format('estargz', { lazy: 10 * MB, newBytes: 500 * MB }),
    format('nydus', { lazy: 9.5 * MB, newBytes: 510 * MB }),
    format('oci_ref', { lazy: 40 * MB, newBytes: 20 * MB }),
  ]

  test('a small one is not worth it, by the figures', () => {
    assert.deepEqual(imageVerdict(formats, known(21 * MB)), {
      worth: 'no',
      text: 'not worth it: an ordinary client has all 21.0 MB in 0.2 s at 100 MB/s',
    })
  })

  test('of those that start about as soon it is the one that stores least', () => {
    const { worth, best, text } = imageVerdict(formats, known(500 * MB))
    assert.deepEqual([worth, best], ['yes', 'estargz'])
    assert.match(
      text,
      /^worth it, best as estargz: .* 5\.0 s at 100 MB\/s; with estargz a container/,
    )
    assert.match(
      text,
      /Where storage counts: with oci_ref .* 40\.0 MB \(0\.4 s\) and 20\.0 MB more/,
    )
  })

  test('where most of it is read there is little to gain', () => {
    const much = [format('nydus', { lazy: 300 * MB, newBytes: 500 * MB })]
    const { worth, text } = imageVerdict(much, known(500 * MB))
    assert.equal(worth, 'little')
    assert.match(text, /^little to gain: /)
  })
})

suite('the verdict on a format', () => {
  test('says what is saved and what it costs', () => {
    const one = format('nydus', { lazy: 50 * MB, newBytes: 650 * MB, change: 0.3 })
    assert.equal(
      formatVerdict(one, known(500 * MB)),
      'worth it: a lazy client starts after 50.0 MB instead of 500 MB (0.5 s instead of 5.0 s); ' +
        '650 MB are stored besides (130 % of the source); the result is 30 % larger than the source',
    )
  })

  test('what is smaller is so for all clients that can pull it', () => {
    const smaller = { lazy: 50 * MB, newBytes: 200 * MB, change: -0.6 }
    assert.match(
      formatVerdict(format('estargz', smaller), known(500 * MB)),
      /; ordinary clients pull 200 MB of it$/,
    )
    assert.doesNotMatch(formatVerdict(format('nydus', smaller), known(500 * MB)), /ordinary/)
  })

  test('what was converted before costs nothing', () => {
    const one = format('estargz', { lazy: MB, newBytes: 0 })
    assert.match(formatVerdict(one, known(500 * MB)), /; nothing new is stored$/)
  })
})

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { bytesFrom } from '../streams/byte-source.ts'
import { MAX_TRACE_READS, MAX_TRACE_SIZE, parseTrace, readTrace } from './read-trace.ts'
import type { Trace } from './trace.ts'

const parse = (text: string): Trace => parseTrace(Buffer.from(text), 'a.trace')

suite('forms of a trace', () => {
  test('text: paths, parts and comments', () => {
    assert.deepEqual(parse('# start\n/usr/bin/app\n\n./etc//app.conf 10 20\r\na b\t0\t5\n'), [
      { path: 'usr/bin/app' },
      { path: 'etc/app.conf', range: { offset: 10, length: 20 } },
      { path: 'a b', range: { offset: 0, length: 5 } },
    ])
  })

  test('a path may end in one number', () => {
    assert.deepEqual(parse('/var/log 2\n'), [{ path: 'var/log 2' }])
  })

  test('JSON lines', () => {
    const lines = [
      { path: '/a' },
      { path: '/b', offset: 4096 },
      { path: '/b', offset: 4096, length: 10 },
      { path: '/c', offset: 1, size: 2 },
      { path: '/d', length: 7 },
    ]
    const text = (of: object[]): string => of.map((one) => `${JSON.stringify(one)}\n`).join('')
    assert.throws(() => parse(text(lines)), {
      code: 'TRACE_INVALID',
      message: 'a.trace:2: length is not a number of bytes',
    })
    assert.deepEqual(parse(text(lines.toSpliced(1, 1))), [
      { path: 'a' },
      { path: 'b', range: { offset: 4096, length: 10 } },
      { path: 'c', range: { offset: 1, length: 2 } },
      { path: 'd', range: { offset: 0, length: 7 } },
    ])
  })

  test('what ctr-remote records', () => {
    const text =
      '{"path":"usr/bin/python3.12","manifestDigest":"sha256:00","layerIndex":0}\n{"path":"etc/passwd","manifestDigest":"sha256:00","layerIndex":3}\n'
    assert.deepEqual(parse(text), [{ path: 'usr/bin/python3.12' }, { path: 'etc/passwd' }])
  })

  test("what nydus-snapshotter's optimizer writes: events, and CSV for machines and people", () => {
    const expected = [{ path: 'usr/bin/a,b' }, { path: 'etc/passwd' }]
    assert.deepEqual(
      parse(
        '{"path":"/usr/bin/a,b","size":1037528,"elapsed":1}\n{"path":"/etc/passwd","size":9,"elapsed":2}\n',
      ),
      expected,
    )
    assert.deepEqual(
      parse('path,size,elapsed\n"/usr/bin/a,b",1037528,1\n/etc/passwd,9 B,1.2 ms\n'),
      expected,
    )
  })

  test('nothing is an empty trace', () => {
    assert.deepEqual(parse(''), [])
    assert.deepEqual(parse('\n# nothing\n'), [])
  })
})

suite('what is no trace', () => {
  const cases: [string, string, string][] = [
    ['a path that is the root', '/\n', 'a.trace:1: it has no path'],
    ['JSON without a path', '{"file":"/a"}\n', 'a.trace:1: it has no path'],
    ['JSON that is a list', '{"path":"/a"}\n[]\n', 'a.trace:2: it is not a JSON object'],
    ['a negative offset', '{"path":"/a","offset":-1,"size":1}\n', 'offset is not a number'],
    ['a text for a size', '{"path":"/a","offset":1,"size":"1"}\n', 'length is not a number'],
    ['a sum that is no number', '/a 9007199254740991 1\n', 'offset and length are too large'],
    ['a long path', `/${'a'.repeat(4097)}\n`, 'a path has at most 4096 bytes'],
    ['a quotation mark', 'path,size,elapsed\n"/a,1,2\n', 'a.trace:2: a quotation mark'],
    ['NUL', '/a\0b\n', 'a path cannot have a NUL'],
  ]
  for (const [name, text, message] of cases) {
    test(name, () => {
      assert.throws(
        () => parse(text),
        (error: Error) => error.message.includes(message),
      )
    })
  }

  test('JSON that ends early, and bytes that are no text', () => {
    assert.throws(
      () => parse('{"path":"/a"}\n{"path":\n'),
      /^AccelError: a\.trace:2: it is not JSON/,
    )
    assert.throws(() => parseTrace(Uint8Array.of(0x2f, 0xff), 'b'), /b:1: it is not UTF-8/)
  })

  test('too many reads, and too many bytes, before they are held', async () => {
    assert.equal(parse('/a\n'.repeat(MAX_TRACE_READS)).length, MAX_TRACE_READS)
    assert.throws(() => parse('/a\n'.repeat(MAX_TRACE_READS + 1)), { code: 'TRACE_TOO_LARGE' })
    let pulled = 0
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        pulled++
        yield Buffer.alloc(1024 * 1024, 'a')
      }
    }
    await assert.rejects(readTrace(endless(), 'c'), { code: 'TRACE_TOO_LARGE' })
    assert.equal(pulled, MAX_TRACE_SIZE / 1024 / 1024 + 1)
    assert.deepEqual(await readTrace(bytesFrom(Buffer.from('/a'), Buffer.from('b\n')), 'd'), [
      { path: 'ab' },
    ])
  })
})

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseToc } from './parse-toc.ts'

const parse = (value: unknown): unknown => parseToc(Buffer.from(JSON.stringify(value)), 'it')
const toc = (...entries: unknown[]): unknown => ({ version: 1, entries })
const file = { name: 'f', type: 'reg', size: 10, offset: 50 }

suite('what a TOC says is checked', () => {
  test('a good one is taken', () => {
    parse(toc())
    parse(
      toc(
        { name: 'd/', type: 'dir', xattrs: null },
        { ...file, chunkSize: 4 },
        { name: 'f', type: 'chunk', chunkOffset: 4, chunkSize: 4, offset: 60 },
        { name: 'f', type: 'chunk', chunkOffset: 8, offset: 70 },
        { name: 'g', type: 'reg' },
      ),
    )
  })

  const broken: Record<string, unknown> = {
    'another version': { version: 2, entries: [] },
    'no rows': { version: 1 },
    nothing: null,
    'a row that is none': toc(null),
    'a row without a name': toc({ type: 'dir' }),
    'a type that there is not': toc({ name: 'f', type: 'socket' }),
    'a size below zero': toc({ ...file, size: -1 }),
    'a size beyond the safe integers': toc({ ...file, size: 2 ** 60 }),
    'an offset that is a text': toc({ ...file, offset: '5' }),
    'a digest that is a number': toc({ ...file, digest: 5 }),
    'attributes that are numbers': toc({ ...file, xattrs: { a: 1 } }),
    'a chunk of nothing': toc({ name: 'f', type: 'chunk', chunkOffset: 4 }),
    'a chunk that leaves a gap': toc(
      { ...file, chunkSize: 4 },
      { name: 'f', type: 'chunk', chunkOffset: 5, offset: 60 },
    ),
    'a chunk behind the end': toc(file, { name: 'f', type: 'chunk', chunkOffset: 10, offset: 60 }),
    'a chunk longer than its file': toc({ ...file, chunkSize: 11 }),
    'an offset that goes back': toc(file, { ...file, name: 'g', offset: 49 }),
  }
  for (const [what, value] of Object.entries(broken)) {
    test(`${what} is refused`, () => {
      assert.throws(() => parse(value), { code: 'FORMAT_INVALID' })
    })
  }

  test('what is no JSON is refused', () => {
    assert.throws(() => parseToc(Buffer.from('{'), 'it'), { code: 'FORMAT_INVALID' })
  })
})

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { driverNamed } from '../registry.ts'
import { estargz } from './index.ts'
import { parseEstargzOptions } from './options.ts'

suite('options of estargz', () => {
  test('without any, the defaults', () => {
    const { format, docker2oci, withReferrer, prioritized } = parseEstargzOptions({})
    assert.equal(format.kind, 'estargz')
    assert.equal(format.chunkSize, 4 * 1024 * 1024)
    assert.equal(format.minChunkSize, 0)
    assert.deepEqual([docker2oci, withReferrer, prioritized], [true, true, []])
  })

  test('sizes are written in three ways', () => {
    for (const chunk_size of ['65536', '0x10000', '64KiB', ' 64 KiB ']) {
      assert.equal(parseEstargzOptions({ chunk_size }).format.chunkSize, 65_536, chunk_size)
    }
  })

  test('booleans as Go reads them', () => {
    assert.equal(parseEstargzOptions({ docker2oci: 'F' }).docker2oci, false)
    assert.equal(parseEstargzOptions({ with_referrer: '0' }).withReferrer, false)
  })

  test('prioritized files: one a line, cleaned; a pattern stands for all that lies in it', () => {
    const { prioritized } = parseEstargzOptions({
      prioritized_files: '/usr/bin/python3\n\n# a comment\n./etc/passwd\n',
      prefetch_patterns: '/usr/lib/',
    })
    assert.deepEqual(prioritized, [
      { path: 'usr/bin/python3', recursive: false },
      { path: 'etc/passwd', recursive: false },
      { path: 'usr/lib', recursive: true },
    ])
  })

  const refused: Record<string, [Record<string, string>, RegExp]> = {
    'a misspelt key': [{ chunksize: '1' }, /config\.chunksize .*did you mean chunk_size\?/],
    'a key of another driver': [{ chunk_dict_ref: 'x' }, /there are docker2oci, /],
    'another compression': [{ compression: 'lzo' }, /unsupported compress format: lzo/],
    'a level that there is not': [{ compression_level: '13' }, /not a level from 1 to 12/],
    'a size without a unit that is known': [
      { chunk_size: '4M' },
      /write 4194304, 0x400000 or 4MiB/,
    ],
    'a small size': [{ chunk_size: '100' }, /from 4096 to/],
    'a large size': [{ chunk_size: '33MiB' }, /from 4096 to/],
    'what is no boolean': [{ docker2oci: 'yes' }, /neither true nor false/],
  }
  for (const [what, [config, message]] of Object.entries(refused)) {
    test(`${what} is refused by name`, () => {
      assert.throws(() => parseEstargzOptions(config), { code: 'DRIVER_OPTION_INVALID', message })
    })
  }

  test('what changes bytes changes the key, nothing else does', () => {
    const keyOf = (config: Record<string, string>): string => estargz.configure(config).layers.key
    const plain = keyOf({})
    assert.equal(keyOf({ docker2oci: 'false', with_referrer: 'false' }), plain)
    assert.equal(keyOf({ chunk_size: '4MiB' }), plain)
    for (const [key, value] of [
      ['chunk_size', '1MiB'],
      ['min_chunk_size', '50000'],
      ['compression_level', '9'],
      ['prioritized_files', '/a'],
      ['prefetch_patterns', '/a'],
    ] as const) {
      assert.notEqual(keyOf({ [key]: value }), plain, key)
    }
    assert.notEqual(keyOf({ prioritized_files: '/a' }), keyOf({ prefetch_patterns: '/a' }))
  })
})

test('a driver that there is not is refused in the words of upstream', () => {
  assert.equal(driverNamed('estargz'), estargz)
  assert.throws(() => driverNamed('overlaybd'), {
    code: 'DRIVER_UNKNOWN',
    message: /^unsupported driver overlaybd/,
  })
})

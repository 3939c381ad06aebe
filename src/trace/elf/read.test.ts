import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { isAccelError } from '../../errors/accel-error.ts'
import { buildElf } from '../../testing/build-elf.ts'
import { readElf, type ElfFile } from './read.ts'

function read(bytes: Uint8Array): Promise<ElfFile | undefined> {
  const part = async (offset: number, length: number): Promise<Uint8Array> => {
    assert(offset >= 0 && offset + length <= bytes.length, 'reads stay within the file')
    return bytes.subarray(offset, offset + length)
  }
  return readElf({ size: bytes.length, read: part }, 'bin/app')
}

suite('what the loader goes by', () => {
  for (const bits of [32, 64] as const) {
    for (const bigEndian of [false, true]) {
      test(`${bits} bits, ${bigEndian ? 'big' : 'little'} endian`, async () => {
        const init = {
          bits,
          bigEndian,
          machine: 8,
          interpreter: '/lib/ld.so.1',
          needed: ['libc.so.6', 'libm.so.6'],
          rpath: '/opt/lib',
          runpath: '$ORIGIN/../lib',
        }
        assert.deepEqual(await read(buildElf(init)), { ...init, noDefaultDirectories: false })
      })
    }
  }

  test('a program without libraries, and one that wants no default directories', async () => {
    const plain = await read(buildElf())
    assert.deepEqual([plain?.interpreter, plain?.needed, plain?.rpath], [undefined, [], undefined])
    assert.equal((await read(buildElf({ flags1: 0x800 })))?.noDefaultDirectories, true)
  })

  test('what is no ELF file is told so', async () => {
    for (const text of ['', '#!/bin/sh\n', 'some text that is longer than a header']) {
      assert.equal(await read(Buffer.from(text)), undefined)
    }
  })

  test('the program that runs this test', { skip: process.platform !== 'linux' }, async () => {
    await using file = await open(process.execPath)
    const { size } = await file.stat()
    let bytes = 0
    const elf = await readElf(
      {
        size,
        async read(offset, length) {
          bytes += length
          return (await file.read(Buffer.alloc(length), 0, length, offset)).buffer
        },
      },
      process.execPath,
    )
    assert(elf !== undefined)
    assert.match(elf.interpreter ?? '', /^\/lib.*\/ld-/)
    assert(elf.needed.length > 2, elf.needed.join())
    for (const name of elf.needed) assert.match(name, /^[\w+.-]+\.so[.\d]*$/)
    assert(bytes < 1024 * 1024, `it read ${bytes} of ${size} bytes`)
  })

  test('damaged files are refused, or read, and nothing else', async () => {
    const golden = buildElf({ interpreter: '/lib/ld.so', needed: ['liba.so', 'libb.so'] })
    const places = fc.array(
      fc.tuple(fc.nat({ max: golden.length - 1 }), fc.integer({ min: 0, max: 255 })),
      { minLength: 1, maxLength: 4 },
    )
    let refused = 0
    await fc.assert(
      fc.asyncProperty(places, fc.nat({ max: golden.length }), async (changes, cut) => {
        const damaged = Buffer.from(golden.subarray(0, golden.length - (cut % 50)))
        for (const [at, value] of changes) if (at < damaged.length) damaged[at] = value
        try {
          await read(damaged)
        } catch (error) {
          assert(isAccelError(error), String(error))
          refused++
        }
      }),
      { numRuns: 2000 },
    )
    assert(refused > 100, `${refused} were refused`)
  })

  test('more than fits is refused before memory is taken', async () => {
    const many = Array.from({ length: 5000 }, (_, i) => `lib${i}.so`)
    await assert.rejects(read(buildElf({ needed: many })), { code: 'FORMAT_LIMIT_EXCEEDED' })
  })
})

import assert from 'node:assert/strict'
import { readFileSync, realpathSync } from 'node:fs'
import { suite, test } from 'node:test'
import type { ImageConfig } from '../oci/image-config.ts'
import { buildElf } from '../testing/build-elf.ts'
import { machineFiles, memoryFiles, type MemoryFile } from '../testing/image-files.ts'
import { startSet } from './start-set.ts'

function configOf(config: object): ImageConfig {
  return { rootfs: { type: 'layers', diff_ids: [] }, config }
}

async function pathsOf(config: object, files: Record<string, MemoryFile>): Promise<string[]> {
  const { trace, notes } = await startSet(configOf(config), memoryFiles(files))
  return [...trace.map(({ path }) => path), ...notes]
}

const loader = '/lib64/ld-linux-x86-64.so.2'
const text = (content: string): Uint8Array => Buffer.from(content)
const program = buildElf({ interpreter: loader, needed: ['liba.so.1', 'libc.so.6'] })
/** A small distribution, with /lib a symlink as in most. */
const system: Record<string, MemoryFile> = {
  lib: { symlink: 'usr/lib' },
  lib64: { symlink: 'usr/lib64' },
  'usr/lib64/ld-linux-x86-64.so.2': buildElf(),
  'usr/lib/x86_64-linux-gnu/libc.so.6': buildElf({ needed: ['ld-linux-x86-64.so.2'] }),
  'usr/lib/x86_64-linux-gnu/liba.so.1': { symlink: 'liba.so.1.2' },
  'usr/lib/x86_64-linux-gnu/liba.so.1.2': buildElf({ needed: ['libb.so', 'libc.so.6'] }),
  'etc/ld.so.conf': text('# where\ninclude /etc/ld.so.conf.d/*.conf\n'),
  'etc/ld.so.conf.d/b.conf': text('/opt/b/lib\n'),
  'opt/b/lib/libb.so': buildElf(),
  'etc/passwd': text('root'),
  'etc/group': text(''),
}
const loaded = [
  'usr/lib64/ld-linux-x86-64.so.2',
  'usr/lib/x86_64-linux-gnu/liba.so.1.2',
  'usr/lib/x86_64-linux-gnu/libc.so.6',
  'opt/b/lib/libb.so',
]

suite('what is read to start an image', () => {
  test('a program with its loader and libraries, in the order of the loader', async () => {
    const files = { ...system, 'usr/local/bin/app': program }
    assert.deepEqual(await pathsOf({ Cmd: ['app'] }, files), [
      'usr/local/bin/app',
      ...loaded,
      'etc/passwd',
    ])
  })

  test('a script, its interpreter by env, the command it ends in, and files in arguments', async () => {
    const files = {
      ...system,
      bin: { symlink: 'usr/bin' },
      'usr/bin/env': buildElf({ interpreter: loader }),
      'opt/x/bash': program,
      'srv/run.sh': text('#!/usr/bin/env -S bash -e\nexec "$@"\n'),
      'srv/app/server': buildElf(),
      'srv/app/data.json': text('{}'),
    }
    const config = {
      Entrypoint: ['./run.sh'],
      Cmd: ['/bin/sh', '-c', 'exec app/server --config=x app/data.json'],
      Env: ['PATH=/nowhere:/opt/x'],
      WorkingDir: '/srv',
    }
    assert.deepEqual(await pathsOf(config, files), [
      'srv/run.sh',
      'usr/bin/env',
      'usr/lib64/ld-linux-x86-64.so.2',
      'opt/x/bash',
      ...loaded.slice(1),
      'srv/app/server',
      'srv/app/data.json',
      'etc/passwd',
      'the program "/bin/sh" is not in the image',
    ])
  })

  test('directories that programs and libraries name, and libraries for other machines', async () => {
    const files = {
      ...system,
      'opt/app/bin/app': buildElf({
        interpreter: loader,
        needed: ['libx.so', 'liby.so'],
        rpath: '${ORIGIN}/../lib',
      }),
      'opt/app/lib/libx.so': buildElf({ needed: ['libz.so'], runpath: '$ORIGIN/deep' }),
      'opt/app/lib/deep/libz.so': buildElf({ machine: 183 }),
      'opt/app/lib/libz.so': buildElf(),
      'opt/env/libz.so': buildElf(),
      'opt/app/lib/liby.so': buildElf({ needed: ['libw.so'] }),
      'opt/app/lib/libw.so': buildElf({ bits: 32 }),
      'usr/lib/libw.so': buildElf(),
    }
    const config = { Entrypoint: ['/opt/app/bin/app'] }
    assert.deepEqual(await pathsOf({ ...config, Env: ['LD_LIBRARY_PATH=/opt/env'] }, files), [
      'opt/app/bin/app',
      'usr/lib64/ld-linux-x86-64.so.2',
      'opt/app/lib/libx.so',
      'opt/app/lib/liby.so',
      'opt/env/libz.so',
      'usr/lib/libw.so',
      'etc/passwd',
    ])
    // RUNPATH makes the program's RPATH void for what libx.so needs, and what is there is for another machine.
    assert.deepEqual(
      (await pathsOf(config, files)).at(-1),
      'opt/app/lib/libx.so needs libz.so, which is not found in the image',
    )
  })

  test("musl's directories", async () => {
    const musl = '/lib/ld-musl-x86_64.so.1'
    const files: Record<string, MemoryFile> = {
      'bin/app': buildElf({ interpreter: musl, needed: ['libx.so', 'libc.musl-x86_64.so.1'] }),
      'lib/ld-musl-x86_64.so.1': buildElf(),
      'lib/libc.musl-x86_64.so.1': { symlink: 'ld-musl-x86_64.so.1' },
      'usr/local/lib/libx.so': buildElf(),
    }
    const expected = ['bin/app', 'lib/ld-musl-x86_64.so.1', 'usr/local/lib/libx.so']
    assert.deepEqual(await pathsOf({ Cmd: ['app'] }, files), expected)
  })

  test('what cannot be followed is noted', async () => {
    const files = {
      'bin/a': text('#!/bin/a\n'),
      'bin/b': text('#!/bin/none\n'),
      'bin/c': buildElf({ needed: ['libx.so'] }).subarray(0, 100),
      'bin/loop': { symlink: 'loop' },
    }
    assert.deepEqual(await pathsOf({ Entrypoint: ['a'], Cmd: ['b'] }, files), [
      'bin/a',
      'bin/b',
      'the interpreter "/bin/none" of bin/b is not followed',
    ])
    assert.deepEqual(await pathsOf({ Entrypoint: ['c'], Cmd: ['loop'] }, files), [
      'bin/c',
      'bin/c: the ELF file ends at byte 100, expected program headers at 64',
      'the program "loop" is not in the image',
    ])
    assert.deepEqual(await pathsOf({}, files), ['the image says no program to start'])
    for (const config of [null, { Entrypoint: 'a', Cmd: null, Env: [1] }]) {
      assert.equal((await pathsOf({ Cmd: [], ...config }, files)).length, 1)
    }
  })

  test(
    'all libraries that are mapped into this process',
    { skip: process.platform !== 'linux' },
    async () => {
      const { trace, notes } = await startSet(
        configOf({ Entrypoint: [process.execPath] }),
        machineFiles(),
      )
      assert.deepEqual(notes, [])
      const paths = new Set(trace.map(({ path }) => `/${path}`))
      const mapped = readFileSync('/proc/self/maps', 'utf8').match(/\/\S+$/gm) ?? []
      const libraries = [...new Set(mapped)].filter((path) => /\/lib(?!nss)[^/]*\.so/.test(path))
      assert(libraries.length > 2, libraries.join())
      for (const path of [realpathSync(process.execPath), ...libraries]) {
        assert(paths.has(path), `${path} is not among ${[...paths].join()}`)
      }
    },
  )
})

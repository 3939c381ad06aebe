import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readTar } from '../../testing/read-tar.ts'
import { cleanPath } from './path.ts'
import { encodeHeader, END_OF_TAR, paddingSize } from './writer.ts'
import type { HeaderInit } from './writer.ts'

const version = spawnSync('tar', ['--version'], { encoding: 'utf8' }).stdout ?? ''
const present = version.startsWith('tar (GNU tar)')
// In CI it must be there.
const missing = present || process.env['CI'] !== undefined ? false : 'no GNU tar on this machine'

const root = mkdtempSync(join(tmpdir(), 'gnu-tar-'))
after(() => rmSync(root, { recursive: true }))

const TIME = 1_600_000_000
const long = `${'n'.repeat(90)}/${'m'.repeat(90)}`
const sparse = Buffer.alloc(4 << 20)
for (let i = 0; i < 30; i++) sparse.write(`extent ${i}`, i * 135_168)
const files: Record<string, Buffer> = {
  empty: Buffer.alloc(0),
  small: Buffer.from('small\n'),
  'block-512': Buffer.alloc(512, 'b'),
  'block-513': Buffer.alloc(513, 'c'),
  [long]: Buffer.from('long\n'),
  'dir/naïve': Buffer.from('utf-8\n'),
  sparse,
}

/** What a dialect cannot hold is not put into its tree. */
interface Dialect {
  options: string[]
  longName?: false
  longTarget?: false
  fifo?: false
}

function plant({ longName, longTarget, fifo }: Dialect): string {
  const tree = mkdtempSync(join(root, 'tree-'))
  mkdirSync(join(tree, 'dir'))
  if (longName !== false) mkdirSync(join(tree, 'n'.repeat(90)))
  for (const [name, content] of Object.entries(files)) {
    if (name === 'sparse') writeHoles(join(tree, name))
    else if (name !== long || longName !== false) writeFileSync(join(tree, name), content)
  }
  linkSync(join(tree, 'small'), join(tree, 'z-hard'))
  symlinkSync('t'.repeat(longTarget === false ? 100 : 150), join(tree, 'z-symlink'))
  if (fifo !== false) execFileSync('mkfifo', [join(tree, 'z-fifo')])
  utimesSync(join(tree, 'empty'), TIME, TIME + 0.25)
  return tree
}

function writeHoles(path: string): void {
  const file = openSync(path, 'w')
  ftruncateSync(file, sparse.length)
  for (let i = 0; i < 30; i++) writeSync(file, `extent ${i}`, i * 135_168)
  closeSync(file)
}

const sparsePosix = (version: string): Dialect => ({
  options: ['--format=posix', '--sparse', `--sparse-version=${version}`],
})
const dialects: Record<string, Dialect> = {
  v7: { options: ['--format=v7'], longName: false, longTarget: false, fifo: false },
  ustar: { options: ['--format=ustar'], longTarget: false },
  oldgnu: { options: ['--format=oldgnu'] },
  gnu: { options: ['--format=gnu'] },
  'gnu, sparse': { options: ['--format=gnu', '--sparse'] },
  posix: { options: ['--format=posix'] },
  'posix, sparse 0.0': sparsePosix('0.0'),
  'posix, sparse 0.1': sparsePosix('0.1'),
  'posix, sparse 1.0': sparsePosix('1.0'),
}

for (const [name, dialect] of Object.entries(dialects)) {
  test(`reads what GNU tar writes: ${name}`, { skip: missing }, () => {
    const arguments_ = [
      '--owner=0',
      '--group=0',
      '--sort=name',
      ...dialect.options,
      '-cf',
      '-',
      '.',
    ]
    const tar = execFileSync('tar', ['-C', plant(dialect), ...arguments_], { maxBuffer: 64 << 20 })
    const whole = readTar(tar)
    assert.deepEqual(readTar(tar, { pieces: [1000] }), whole)
    const byPath = new Map(whole.entries.map((one) => [cleanPath(one.entry.name), one]))
    for (const [path, content] of Object.entries(files)) {
      if (path === long && dialect.longName === false) continue
      const one = byPath.get(path)
      assert.equal(one?.entry.type, 'file', path)
      assert(one.content.equals(content), path)
      assert.equal(one.entry.sparse, path === 'sparse' && name.includes('sparse'), path)
    }
    assert.deepEqual(
      ['', 'dir', 'z-hard', 'z-symlink', 'z-fifo'].map((path) => byPath.get(path)?.entry.type),
      [
        'directory',
        'directory',
        'hardlink',
        'symlink',
        dialect.fifo === false ? undefined : 'fifo',
      ],
    )
    assert.equal(cleanPath(byPath.get('z-hard')!.entry.linkname), 'small')
    assert.match(byPath.get('z-symlink')!.entry.linkname, /^t{100,150}$/)
    const { mtime, mtimeNanoseconds } = byPath.get('empty')!.entry
    assert.deepEqual([mtime, mtimeNanoseconds], [TIME, name.startsWith('posix') ? 250_000_000 : 0])
  })
}

test('reads what GNU tar puts into a global header', { skip: missing }, () => {
  const tree = plant({ options: [] })
  const options = ['--format=posix', '--pax-option=gname=staff', '-cf', '-', 'small']
  const tar = execFileSync('tar', ['-C', tree, ...options])
  const { gname, fromGlobal, offset } = readTar(tar).entries[0]!.entry
  assert.deepEqual([gname, fromGlobal, offset], ['staff', true, 1024])
})

const base: HeaderInit = {
  type: 'file',
  name: 'file',
  linkname: '',
  mode: 0o640,
  uid: 3_000_000,
  gid: 7,
  uname: '',
  gname: '',
  mtime: TIME,
  mtimeNanoseconds: 0,
  size: 0,
  devMajor: 0,
  devMinor: 0,
}

const written: [HeaderInit, listed: string][] = [
  [{ ...base, size: 700 }, '-rw-r----- 3000000/7 700 2020-09-13 12:26:40 file'],
  [
    { ...base, name: long, mtimeNanoseconds: 5 },
    `-rw-r----- 3000000/7 0 2020-09-13 12:26:40.000000005 ${long}`,
  ],
  [
    { ...base, name: `${'e'.repeat(150)}/é` },
    `-rw-r----- 3000000/7 0 2020-09-13 12:26:40 ${'e'.repeat(150)}/é`,
  ],
  [
    { ...base, type: 'directory', name: 'd/', mode: 0o1777 },
    'drwxrwxrwt 3000000/7 0 2020-09-13 12:26:40 d/',
  ],
  [
    { ...base, type: 'symlink', name: 's', mode: 0o777, linkname: 't'.repeat(150) },
    `lrwxrwxrwx 3000000/7 0 2020-09-13 12:26:40 s -> ${'t'.repeat(150)}`,
  ],
  [
    { ...base, type: 'hardlink', name: 'h', linkname: 'file' },
    'hrw-r----- 3000000/7 0 2020-09-13 12:26:40 h link to file',
  ],
  [
    { ...base, type: 'character', name: 'c', devMajor: 4095, devMinor: 1_048_575, mtime: -1 },
    'crw-r----- 3000000/7 4095,1048575 1969-12-31 23:59:59 c',
  ],
  [{ ...base, type: 'fifo', name: 'p' }, 'prw-r----- 3000000/7 0 2020-09-13 12:26:40 p'],
  [
    {
      ...base,
      name: 'x',
      uname: 'user',
      gname: 'gröup',
      xattrs: new Map([['user.a', Uint8Array.of(0, 255)]]),
    },
    '-rw-r-----* user/gröup 0 2020-09-13 12:26:40 x',
  ],
]

test('GNU tar lists what is written here as it was meant', { skip: missing }, () => {
  const tar = Buffer.concat([
    ...written.flatMap(([init]) => [
      encodeHeader(init),
      Buffer.alloc(init.size + paddingSize(init.size)),
    ]),
    END_OF_TAR,
  ])
  const { stdout, stderr } = spawnSync(
    'tar',
    ['--xattrs', '--full-time', '--quoting-style=literal', '-tvf', '-'],
    {
      input: tar,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], TZ: 'UTC', LC_ALL: 'C.UTF-8' },
    },
  )
  assert.equal(stderr, '')
  const lines = stdout
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('  x:'))
    .map((line) => line.replaceAll(/ +/g, ' ').replace(/^(\S{10}) \* /, '$1* '))
  assert.deepEqual(
    lines,
    written.map(([, listed]) => listed),
  )
})

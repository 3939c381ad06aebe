import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { testTar } from './tar-builder.ts'

/** What GNU tar says of a tar; it is part of every system that builds the project. */
function listed(tar: Uint8Array): string[] {
  const run = spawnSync('tar', ['-tv', '--numeric-owner', '--full-time', '-f', '-'], {
    input: tar,
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' },
  })
  assert.equal(run.status, 0, run.stderr)
  assert.equal(run.stderr, '')
  return run.stdout
    .trim()
    .split('\n')
    .map((line) => line.replaceAll(/ +/g, ' '))
}

const long = `${'d'.repeat(90)}/${'f'.repeat(90)}`

for (const dialect of ['pax', 'gnu'] as const) {
  test(`GNU tar reads what is written in ${dialect}`, () => {
    const tar = testTar({ dialect })
      .directory('d/')
      .file('d/a', 'hello', { mode: 0o4755, uid: 7, gid: 8, mtime: 1_600_000_000 })
      .file(long, 'x', { uid: 3_000_000, mtime: -5 })
      .symlink('s', long)
      .hardlink('h', 'd/a')
      .character('c', 1, 3)
      .block('b', 8, 1)
      .fifo('p')
      .whiteout('d/gone')
      .opaque('d')
      .bytes()
    const epoch = '1970-01-01 00:00:00'
    assert.deepEqual(listed(tar), [
      `drwxr-xr-x 0/0 0 ${epoch} d/`,
      `-rwsr-xr-x 7/8 5 2020-09-13 12:26:40 d/a`,
      `-rw-r--r-- 3000000/0 1 1969-12-31 23:59:55 ${long}`,
      `lrwxrwxrwx 0/0 0 ${epoch} s -> ${long}`,
      `hrw-r--r-- 0/0 0 ${epoch} h link to d/a`,
      `crw-r--r-- 0/0 1,3 ${epoch} c`,
      `brw-r--r-- 0/0 8,1 ${epoch} b`,
      `prw-r--r-- 0/0 0 ${epoch} p`,
      `-rw-r--r-- 0/0 0 ${epoch} d/.wh.gone`,
      `-rw-r--r-- 0/0 0 ${epoch} d/.wh..wh..opq`,
    ])
  })
}

test('records carry fractions, xattrs and what is asked for', () => {
  const tar = testTar()
    .global({ comment: 'all' })
    .file('a', 'x', {
      mtime: 1.5,
      xattrs: { 'user.k': Buffer.from([0, 10, 61]) },
      pax: { comment: 'v' },
    })
    .bytes()
  const text = Buffer.from(tar).toString('latin1')
  assert.ok(text.includes('15 comment=all\n'))
  assert.ok(text.includes('13 mtime=1.5\n27 SCHILY.xattr.user.k=\u0000\n=\n13 comment=v\n'))
  assert.deepEqual(
    listed(tar).map((line) => line.split(' ').at(-1)),
    ['a'],
  )
})

test('a record counts the digits of its own length', () => {
  const written = (rest: number) => {
    const value = 'v'.repeat(rest - ' k=\n'.length)
    const text = Buffer.from(testTar().global({ k: value }).bytes()).toString('latin1')
    return / ?(\d+) k=/.exec(text)![1]
  }
  assert.deepEqual([96, 97, 98, 99].map(written), ['98', '99', '101', '102'])
})

import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isAccelError, type ErrorCode } from '../errors/accel-error.ts'
import { openDatabase, type SchemaPart } from './database.ts'
import { tryLock } from './file-lock.ts'

const scratch = await mkdtemp(join(tmpdir(), 'database-'))
after(() => rm(scratch, { recursive: true, force: true }))

const words: SchemaPart = { name: 'words', steps: ['CREATE TABLE word (text TEXT) STRICT'] }
const numbers: SchemaPart = { name: 'numbers', steps: ['CREATE TABLE number (n INTEGER) STRICT'] }

const fails = (code: ErrorCode) => (error: unknown) => isAccelError(error, code)

test('tables are made, brought up to date one part by one, and kept', () => {
  const path = join(scratch, 'parts', 'a.db')
  {
    using database = openDatabase(path, [words])
    database.connection.exec("INSERT INTO word VALUES ('old')")
  }
  const grown = { ...words, steps: [...words.steps, 'ALTER TABLE word ADD COLUMN size INTEGER'] }
  {
    using database = openDatabase(path, [grown, numbers])
    assert.deepEqual(
      { ...database.connection.prepare('SELECT text, size FROM word').get() },
      { text: 'old', size: null },
    )
  }
  assert.throws(() => openDatabase(path, [words]), /are of version 2, this release knows 1/)
})

test('the file is private, and no link is followed', async () => {
  const path = join(scratch, 'private.db')
  openDatabase(path, [words])[Symbol.dispose]()
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  await symlink(path, join(scratch, 'link.db'))
  assert.throws(() => openDatabase(join(scratch, 'link.db'), [words]), fails('STORE_UNUSABLE'))
})

test('a transaction that throws has changed nothing', () => {
  using database = openDatabase(':memory:', [words])
  const { connection } = database
  assert.throws(
    () =>
      database.transaction(() => {
        connection.exec("INSERT INTO word VALUES ('half')")
        throw new TypeError('in the middle')
      }),
    TypeError,
  )
  assert.equal(connection.prepare('SELECT count(*) AS n FROM word').get()?.['n'], 0)
  database.transaction(() => connection.exec("INSERT INTO word VALUES ('whole')"))
})

test('a file that is no database, or was damaged, is told', async () => {
  const path = join(scratch, 'damaged.db')
  await writeFile(path, 'this is no database, but it is long enough to be taken for one'.repeat(40))
  assert.throws(() => openDatabase(path, [words]), fails('STORE_DAMAGED'))
  const once = join(scratch, 'once.db')
  {
    using database = openDatabase(once, [words])
    const insert = database.connection.prepare('INSERT INTO word VALUES (?)')
    for (let i = 0; i < 500; i++) insert.run('x'.repeat(200))
  }
  const bytes = await readFile(once)
  bytes.fill(0xa5, 4096)
  await writeFile(once, bytes)
  assert.throws(() => {
    using database = openDatabase(once, [words])
    database.guard(() => database.connection.prepare('SELECT sum(length(text)) FROM word').get())
  }, fails('STORE_DAMAGED'))
})

test('a full database is told, and works again when there is room', () => {
  using database = openDatabase(join(scratch, 'full.db'), [words])
  const { connection } = database
  const insert = (): void =>
    database.transaction(() => {
      connection.prepare('INSERT INTO word VALUES (?)').run('x'.repeat(100_000))
    })
  connection.exec('PRAGMA max_page_count = 12')
  assert.throws(insert, fails('STORE_FULL'))
  connection.exec('PRAGMA max_page_count = 1000')
  insert()
})

test('a database that cannot be written to is told', async () => {
  using database = openDatabase(join(scratch, 'read-only.db'), [words])
  database.connection.exec('PRAGMA query_only = ON')
  assert.throws(
    () => database.transaction(() => database.connection.exec("INSERT INTO word VALUES ('a')")),
    fails('STORE_UNUSABLE'),
  )
  if (process.getuid?.() === 0) return
  await chmod(scratch, 0o500)
  assert.throws(() => openDatabase(join(scratch, 'new.db'), [words]), fails('STORE_UNUSABLE'))
  await chmod(scratch, 0o700)
})

test('a lock is held once, and free when it is let go', () => {
  const path = join(scratch, 'lock')
  const lock = tryLock(path)
  assert.notEqual(lock, undefined)
  assert.equal(tryLock(path), undefined)
  lock?.[Symbol.dispose]()
  using again = tryLock(path)
  assert.notEqual(again, undefined)
})

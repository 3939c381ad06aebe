import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assert as check, constantFrom, property, string } from 'fast-check'
import { AccelError } from '../errors/accel-error.ts'
import { createLog, errorText } from './log.ts'
import { createRedaction } from './redaction.ts'

const now = (): Date => new Date('2026-11-21T02:10:05.123Z')

function recorded(init: Parameters<typeof createLog>[0] extends infer I ? Partial<I> : never = {}) {
  const lines: string[] = []
  return { lines, log: createLog({ write: (line) => lines.push(line), now, ...init }) }
}

test('a child adds its fields to every line, its own over its parent’s', () => {
  const { lines, log } = recorded()
  log.child({ module: 'api', task: '1' }).child({ task: '2' }).info('taken', { gone: undefined })
  assert.deepEqual(lines, [
    'time="2026-11-21T02:10:05.123Z" level=info msg=taken module=api task=2\n',
  ])
})

test('lines below the level are dropped', () => {
  const { lines, log } = recorded({ level: 'warning' })
  log.debug('a')
  log.info('b')
  log.warn('c')
  log.fatal('d')
  assert.deepEqual(
    lines.map((line) => /level=(\w+)/.exec(line)?.[1]),
    ['warning', 'fatal'],
  )
})

test('an error is its message and those of its causes, none said twice', () => {
  const root = new Error('connect ECONNREFUSED 127.0.0.1:1')
  const middle = new Error('fetch failed', { cause: root })
  const top = new AccelError(
    'CONFIG_UNREADABLE',
    { file: 'a.yaml', problem: 'fetch failed' },
    { cause: middle },
  )
  assert.equal(errorText(top), 'cannot read a.yaml: fetch failed: connect ECONNREFUSED 127.0.0.1:1')
  const loop = new Error('round')
  loop.cause = loop
  assert.equal(errorText(loop), 'round')
})

test('a registered secret appears in no encoding, in message or field', () => {
  const redaction = createRedaction()
  const { lines, log } = recorded({ redaction })
  const secret = 'S3cret/with+odd "chars" & ü'
  redaction.add(secret)
  const basic = Buffer.from(`robot$acceld:${secret}`).toString('base64')
  const url = new URL('https://registry.example/token')
  url.searchParams.set('password', secret)
  log.info(`plain ${secret}`, {
    basic: `Basic ${basic}`,
    url: url.href,
    encoded: encodeURIComponent(secret),
    json: { password: secret },
    error: new Error('outer', { cause: new Error(`inner ${secret}`) }),
    base64url: Buffer.from(`:${secret}`).toString('base64url'),
    hex: Buffer.from(secret).toString('hex'),
  })
  const line = lines.join('')
  for (const leak of ['S3cret', 'S3cret%2F', Buffer.from('3cret/with').toString('base64')]) {
    assert.ok(!line.includes(leak), `${leak} in ${line}`)
  }
  assert.ok(!basic.split('').every((_, i) => line.includes(basic.slice(i, i + 8))))
  assert.match(line, /plain \*\*\*/)
})

test('whatever stands around a secret inside base64, the secret cannot be read from the line', () => {
  check(
    property(
      string({ minLength: 0, maxLength: 9 }),
      string({ minLength: 10, maxLength: 40 }),
      string({ minLength: 0, maxLength: 9 }),
      constantFrom<BufferEncoding[]>('base64', 'base64url'),
      (before, secret, after, encoding) => {
        const redaction = createRedaction()
        redaction.add(secret)
        const hidden = redaction.apply(Buffer.from(before + secret + after).toString(encoding))
        assert.ok(hidden.includes('***'))
        assert.ok(!Buffer.from(hidden.replaceAll('*', ''), 'base64').toString().includes(secret))
      },
    ),
  )
})

test('a short secret is hidden as a word and leaves other words alone', () => {
  const redaction = createRedaction()
  redaction.add('head')
  redaction.add('')
  assert.equal(redaction.apply('head, ahead of "head": header'), '***, ahead of "***": header')
})

test('a secret that is the start of another hides nothing less of the longer one', () => {
  const redaction = createRedaction()
  redaction.add('correct horse')
  redaction.add('correct horse battery')
  assert.equal(redaction.apply('say correct horse battery now'), 'say *** now')
})

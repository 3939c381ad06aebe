import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import { withLogFields } from './log-context.ts'
import { createLog } from './log.ts'

function recorded(format: 'text' | 'json') {
  const lines: string[] = []
  const now = () => new Date(0)
  return { lines, log: createLog({ write: (line) => lines.push(line), format, now }) }
}

test('as JSON a line is one object, whatever it says', () => {
  const { lines, log } = recorded('json')
  log.child({ module: 'api' }).warn('a "quoted"\nline', { level: 'x', error: new Error('no') })
  assert.equal(lines.length, 1)
  assert.ok(lines[0]?.endsWith('}\n') && !lines[0].slice(0, -1).includes('\n'))
  assert.deepEqual(JSON.parse(lines[0] ?? ''), {
    time: '1970-01-01T00:00:00.000Z',
    level: 'warning',
    msg: 'a "quoted"\nline',
    module: 'api',
    'fields.level': 'x',
    error: 'no',
  })
})

test('level and format change for child logs as well', () => {
  const { lines, log } = recorded('text')
  const child = log.child({ module: 'm' })
  child.debug('before')
  log.set({ level: 'debug', format: 'json' })
  child.debug('after')
  log.set({ level: 'error' })
  child.warn('not any more')
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
    ['after'],
  )
})

test('what is started inside carries the fields, across waits, and nothing else does', async () => {
  const { lines, log } = recorded('text')
  await Promise.all(
    ['1', '2'].map((task) =>
      withLogFields({ task, place: 'outside' }, async () => {
        await setImmediate()
        log.info('inside', { place: 'own' })
      }),
    ),
  )
  log.info('outside')
  assert.deepEqual(lines, [
    'time="1970-01-01T00:00:00.000Z" level=info msg=inside place=own task=1\n',
    'time="1970-01-01T00:00:00.000Z" level=info msg=inside place=own task=2\n',
    'time="1970-01-01T00:00:00.000Z" level=info msg=outside\n',
  ])
})

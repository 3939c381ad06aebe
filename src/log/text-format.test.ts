import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pipeLine, terminalLine, type Entry } from './text-format.ts'

// What sirupsen/logrus 1.9 itself printed for these entries (TextFormatter, FullTimestamp, RFC3339Nano).
const time = new Date('2026-11-21T02:10:05.123Z')
const access: Entry = {
  time,
  level: 'info',
  message: 'POST /api/v1/conversions 200 552.695µs 392>5bytes 192.168.1.1',
  fields: { module: 'api' },
}
const plain: Entry = { time, level: 'warning', message: 'plain', fields: { module: 'api' } }
const odd: Entry = {
  time,
  level: 'error',
  message: 'line one\nline\ttwo',
  fields: { zz: 'q"\\\n\x1b[31mé\u200b😀', module: 'api', a: 'x y' },
}

test('a line in a pipe is the one that logrus writes', () => {
  assert.equal(
    pipeLine(access),
    'time="2026-11-21T02:10:05.123Z" level=info msg="POST /api/v1/conversions 200 552.695µs 392>5bytes 192.168.1.1" module=api\n',
  )
  assert.equal(
    pipeLine(plain),
    'time="2026-11-21T02:10:05.123Z" level=warning msg=plain module=api\n',
  )
  assert.equal(
    pipeLine(odd),
    'time="2026-11-21T02:10:05.123Z" level=error msg="line one\\nline\\ttwo" a="x y" module=api zz="q\\"\\\\\\n\\x1b[31mé\\u200b😀"\n',
  )
  assert.equal(
    pipeLine({ time, level: 'info', message: '', fields: {} }),
    'time="2026-11-21T02:10:05.123Z" level=info\n',
  )
})

test('a line on a terminal is the one that logrus writes, with and without colours', () => {
  assert.equal(
    terminalLine(access, true),
    '\x1b[36mINFO\x1b[0m[2026-11-21T02:10:05.123Z] POST /api/v1/conversions 200 552.695µs 392>5bytes 192.168.1.1  \x1b[36mmodule\x1b[0m=api\n',
  )
  assert.equal(
    terminalLine(plain, true),
    '\x1b[33mWARN\x1b[0m[2026-11-21T02:10:05.123Z] plain                                         \x1b[33mmodule\x1b[0m=api\n',
  )
  assert.equal(
    terminalLine(plain, false),
    'WARN[2026-11-21T02:10:05.123Z] plain                                         module=api\n',
  )
  assert.equal(
    terminalLine({ time, level: 'info', message: '', fields: {} }, false),
    'INFO[2026-11-21T02:10:05.123Z]                                              \n',
  )
})

test('a message cannot send control characters to the terminal', () => {
  const line = terminalLine(
    { time, level: 'info', message: 'image \x1b]0;owned\x07\r\u009b2J', fields: {} },
    false,
  )
  assert.doesNotMatch(line.trimEnd(), /\p{Cc}/u)
  assert.match(line, /image \\x1b\]0;owned\\a\\r\\u009b2J/)
})

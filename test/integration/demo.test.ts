import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { root } from '../../scripts/source-tree.ts'

const program = join(root, 'scripts/demo/demo.ts')

/** Runs the demo with a folder of its own for temporary files; `onText` sees what it prints. */
async function runDemo(
  argv: readonly string[],
  onText?: (printed: string, child: { kill(signal: NodeJS.Signals): boolean }) => void,
) {
  const temporary = await mkdtemp(join(tmpdir(), 'demo-test-'))
  try {
    const child = spawn(process.execPath, [program, ...argv], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      printed += piece
      onText?.(printed, child)
    })
    const [errors, [code]] = await Promise.all([
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ])
    return { code, printed, errors, left: await readdir(temporary) }
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** The bytes that a cell such as `49.3 MB` says. */
function bytesOf(cell: string | undefined): number {
  const [, number = '', unit = ''] = /^([\d.]+) (B|kB|MB)$/.exec(cell ?? '') ?? []
  return Number(number) * { B: 1, kB: 1e3, MB: 1e6 }[unit]!
}

/** The cells of the table row that begins with `title`. */
function row(printed: string, title: string): string[] {
  const line = printed.split('\n').find((one) => one.startsWith(title))
  assert.ok(line !== undefined, `no line "${title}" in:\n${printed}`)
  return line.slice(title.length).trim().split(/ {2,}/)
}

test('the demo converts by webhook, reads one file lazily and ends by itself', async (t) => {
  const { code, printed, errors, left } = await runDemo([])
  assert.equal(code, 0, errors)
  t.diagnostic(`the conversion took ${row(printed, 'took')[0]}`)
  assert.equal(errors, '')
  assert.deepEqual(left, [])
  assert.match(printed, /acceld \| received webhook request from 127\.0\.0\.1/)
  assert.match(printed, /acceld \| converted image 127\.0\.0\.1:\d+\/demo\/app:v1-esgz/)
  assert.match(printed, /every byte is what was packed/)
  const [full, lazy] = row(printed, 'bytes moved').map(bytesOf)
  assert.ok(full! > 10e6, `a full pull moved ${full} bytes`)
  assert.ok(lazy! > 1e3 && lazy! < full! / 20, `the lazy read moved ${lazy} of ${full} bytes`)
  const original = bytesOf(row(printed, 'size of the original')[0])
  assert.ok(Math.abs(original - full!) < original / 100)
  assert.match(row(printed, 'size of the result')[0] ?? '', /^[\d.]+ MB \([+-][\d.]+ %\)$/)
  for (const title of ['requests', 'time, measured here', 'time, at 100 Mbit/s']) {
    assert.ok(row(printed, title).length >= 2, title)
  }
  const wide = printed.split('\n').filter((line) => line.length > 80)
  assert.deepEqual(wide, [])
  assert.ok(!printed.includes('\x1b'), 'no colours in a pipe')
})

test('an interrupted demo leaves nothing behind and says why it ended', async () => {
  let interrupted = false
  const { code, printed, errors, left } = await runDemo([], (text, child) => {
    if (interrupted || !text.includes('3. ')) return
    interrupted = true
    child.kill('SIGINT')
  })
  assert.equal(code, 1)
  assert.match(errors, /^\nThe demo failed: ended by SIGINT\n$/)
  assert.deepEqual(left, [])
  const acceld = /HTTP server started on (\S+)/.exec(printed)?.[1]
  await assert.rejects(fetch(`http://${acceld}/api/v1/health`), 'acceld is gone')
})

test('an argument that the demo does not know is refused', async () => {
  const { code, errors } = await runDemo(['--fast'])
  assert.equal(code, 2)
  assert.match(errors, /unknown argument --fast/)
})

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { recordOutput } from '../../testing/service/recorded-output.ts'
import { runAccelctl } from '../accelctl.ts'

const folder = mkdtempSync(join(tmpdir(), 'completion-'))
after(() => rmSync(folder, { recursive: true }))

async function script(shell: string): Promise<string> {
  const stdout = recordOutput()
  const io = {
    stdout,
    stderr: recordOutput(),
    environment: {},
    signal: new AbortController().signal,
  }
  const openConversions = () => Promise.reject(new Error('nothing is converted here'))
  assert.equal(await runAccelctl(['completion', shell], io, { openConversions }), 0)
  return stdout.text
}

const missing = (shell: string): string | false =>
  spawnSync(shell, ['--version']).error === undefined ? false : `${shell} is not installed`

/** What bash offers behind `words`, the last of which is being written. */
function offered(source: string, words: readonly string[]): string[] {
  const quoted = words.map((word) => `'${word}'`).join(' ')
  const text = `${source}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _accelctl; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', text], { encoding: 'utf8' })
  assert.deepEqual([status, stderr], [0, ''])
  return stdout.split('\n').filter((line) => line !== '')
}

test('bash completes commands, options and their choices', { skip: missing('bash') }, async () => {
  const source = await script('bash')
  const at = (...words: string[]): string[] => offered(source, ['accelctl', ...words])
  assert.deepEqual(at('ta'), ['task'])
  assert.deepEqual(at('task', 'w'), ['watch'])
  assert.deepEqual(at('task', '--addr', 'localhost:2077', 'can'), ['cancel'])
  assert.deepEqual(at('task', 'list', '--st'), ['--status'])
  assert.deepEqual(at('task', 'ls', '--st'), ['--status'])
  assert.deepEqual(at('task', 'list', '--output', ''), ['table', 'json', 'yaml'])
  assert.deepEqual(at('task', 'list', '-o', 'y'), ['yaml'])
  assert.deepEqual(at('completion', ''), ['--help'])
  assert.deepEqual(at('task', 'get', 'x'), [])
})

for (const shell of ['bash', 'zsh', 'fish']) {
  test(`${shell} reads its script without a fault`, { skip: missing(shell) }, async () => {
    const file = join(folder, shell)
    writeFileSync(file, await script(shell))
    const read = spawnSync(shell, ['-n', file], { encoding: 'utf8' })
    assert.deepEqual([read.status, read.stderr], [0, ''])
    if (shell !== 'fish') return
    const line = 'source $argv[1]; complete -C "accelctl task list --output "'
    const words = spawnSync('fish', ['-N', '-c', line, file], { encoding: 'utf8' })
    assert.deepEqual(words.stdout.match(/^\w+/gm)?.toSorted(), ['json', 'table', 'yaml'])
  })
}

test('every script has every command', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const text = await script(shell)
    for (const word of ['task', 'watch', 'retry', 'convert', 'inspect', '--auth-header', 'yaml']) {
      assert.ok(text.includes(word.replace(/^--/, '')), `${shell}: ${word}`)
    }
  }
})

test('another shell is refused', async () => {
  await assert.rejects(script('csh'))
})

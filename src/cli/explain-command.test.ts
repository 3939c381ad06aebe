import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { AccelError } from '../errors/accel-error.ts'
import type { Sentence } from '../story/sentence.ts'
import { buildImage, buildLayer, pushBuilt } from '../testing/image-builder.ts'
import { startTestRegistry } from '../testing/registry/test-registry.ts'
import { scriptRun } from '../testing/scripted-run.ts'
import { DAEMON_HEADER, startTestDaemon } from '../testing/service/daemon.ts'
import { startTestService } from '../testing/service/http-service.ts'
import { recordOutput } from '../testing/service/recorded-output.ts'
import { settled } from '../testing/settled.ts'
import { testTar } from '../testing/tar-builder.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { runAccelctl } from './accelctl.ts'

const [RED, PLAIN] = ['\u001b[31m', '\u001b[0m']

async function explain(
  t: TestContext,
  argv: string[],
  terminal?: { columns: number; rows: number },
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = [recordOutput(terminal), recordOutput()]
  const io = { stdout, stderr, environment: {}, signal: t.signal }
  const openConversions = () => Promise.reject(new Error('nothing is converted here'))
  const code = await runAccelctl(['explain', ...argv], io, { openConversions })
  return { code, stdout: stdout.text, stderr: stderr.text }
}

test('a real conversion tells of its layers, one of which was converted before', async (t) => {
  await using registry = await startTestRegistry()
  await using daemon = await startTestDaemon({
    workDir: await temporaryDirectory(t),
    registry: registry.host,
    provider: 'gcpolicy: { threshold: 1GB }',
  })
  const layer = (name: string) => buildLayer(testTar().file(name, name.repeat(1000)).bytes())
  const [base, top] = [layer('base'), layer('top')]
  // the second image is converted while the store still has the layers of the first
  const ids = []
  for (const [repository, layers] of [
    ['a', [base]],
    ['b', [base, top]],
  ] as const) {
    await pushBuilt(buildImage({ layers: [...layers] }), registry.repository(repository), {
      tag: 'v1',
    })
    assert.equal(
      (await daemon.push(`${registry.host}/${repository}:v1`, { sync: true })).status,
      200,
    )
    ids.push((await daemon.tasks())[0]?.id ?? '')
  }
  const address = ['--addr', new URL(daemon.url).host, '--auth-header', DAEMON_HEADER]
  const { code, stdout } = await explain(t, [...address, '--json', ids[1] ?? ''])
  assert.equal(code, 0)
  const { sentences, task } = JSON.parse(stdout) as {
    sentences: Sentence[]
    task: { report: { layers: { push: string }[] }; history: unknown[] }
  }
  const texts = sentences.map(({ text }) => text)
  assert.match(
    texts[0] ?? '',
    /^127.0.0.1:\d+\/b:v1 was converted to eStargz by the rule default\./,
  )
  const layers = '2 layers: 1 was converted and 1 was found converted in work_dir.'
  assert.ok(texts.includes(layers), texts.join('\n'))
  assert.ok(
    texts.some((text) => /4 paths were compared with the source/.test(text)),
    texts.join('\n'),
  )
  assert.deepEqual(
    task.report.layers.map(({ push }) => push),
    ['mounted', 'uploaded'],
  )
  assert.ok(task.history.length > 3)
})

test('a failure on a terminal of 80 columns: no line is wider, commands stay whole', async (t) => {
  const yaml = `server: { host: 127.0.0.1, port: 0, api_token: t0k3n }
provider: { source: { hub.test: {} } }
converter: { attempts: 1, driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`
  const runs = scriptRun()
  await using service = await startTestService({ yaml, run: runs.run })
  const source = 'hub.test/app:1'
  const { task } = await service.queue.submit({ source, host: 'hub.test', lane: source })
  await settled()
  const problem = 'the account, its password, or its permission here, is not sufficient'
  const context = { what: source, host: 'hub.test', problem, diagnostics: [] }
  runs.fail(source, new AccelError('REGISTRY_AUTH', context))
  await settled()
  const address = ['--addr', `127.0.0.1:${service.server.port}`, '--token', 't0k3n']
  const { stdout } = await explain(t, [...address, task.id], { columns: 80, rows: 24 })
  assert.ok(stdout.includes(`${RED}x${PLAIN} The conversion`), stdout)
  const lines = stdout.replaceAll(RED, '').replaceAll(PLAIN, '').trimEnd().split('\n')
  assert.ok(
    lines.every((line) => line.length <= 80),
    stdout,
  )
  assert.match(lines[0] ?? '', /^outcome {2}x The conversion of hub.test\/app:1 failed/)
  assert.ok(lines.includes('           -> accelctl doctor --config FILE hub.test/app:1'), stdout)
  const piped = await explain(t, [...address, task.id])
  assert.ok(!piped.stdout.includes(PLAIN))
  assert.match(piped.stdout, /^outcome {2}x The conversion .*sufficient \(REGISTRY_AUTH\)\.$/m)
  const unknown = await explain(t, [...address, '00000000-0000-4000-8000-000000000000'])
  assert.equal(unknown.code, 1)
  assert.match(unknown.stderr, /there is no task/)
  assert.equal((await explain(t, [])).code, 1)
})

test('an image needs a configuration, and is explained without a service', async (t) => {
  await using registry = await startTestRegistry()
  const image = buildImage({ layers: [buildLayer(testTar().file('f', 'x').bytes())] })
  await pushBuilt(image, registry.repository('team/app'), { tag: 'v1' })
  const reference = `${registry.host}/team/app:v1`
  const without = await explain(t, [reference])
  assert.equal(without.code, 1)
  assert.match(without.stderr, /--config is required/)
  const file = join(await temporaryDirectory(t), 'config.yaml')
  await writeFile(
    file,
    `provider: { source: { "${registry.host}": {} } }
converter: { driver: { type: estargz }, rules: [{ tag_suffix: -e }] }
`,
  )
  const { code, stdout } = await explain(t, ['--config', file, reference])
  assert.equal(code, 0)
  assert.match(stdout, /^image +127.0.0.1:\d+\/team\/app:v1 \(sha256:\w+\) is an ordinary image/)
  assert.match(stdout, /^ +-> accelctl task create 127/m)
  const json = await explain(t, ['--config', file, '--json', reference])
  const { image: account } = JSON.parse(json.stdout) as { image: { digest: string } }
  assert.equal(account.digest, image.descriptor.digest)
  const missing = await explain(t, ['--config', file, `${registry.host}/team/app:v2`])
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /v2 is not in/)
})

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { buildImage, buildLayer, pushBuilt } from '../testing/image-builder.ts'
import { startTestRegistry } from '../testing/registry/test-registry.ts'
import { recordOutput } from '../testing/service/recorded-output.ts'
import { testTar } from '../testing/tar-builder.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { runAccelctl } from './accelctl.ts'

const registry = await startTestRegistry()
after(() => registry.close())
const image = buildImage({
  layers: [buildLayer(testTar().file('a', 'hello').bytes())],
  config: { config: { Labels: { team: 'blue' } } },
})
await pushBuilt(image, registry.repository('demo/app'), { tag: 'v1' })

const yaml = `provider: { source: { "${registry.host}": { auth: ${Buffer.from('robot:x').toString('base64')} } } }
converter:
  driver: { type: estargz }
  rules:
    - tag_suffix: -esgz
    - { name: blue, tag_suffix: -blue, when: [{ labels: { team: blue } }] }
    - { name: red, tag_suffix: -red, when: [{ labels: { team: red } }] }
    - { name: other, tag_suffix: -other, when: [{ project: other }] }
`

async function explained(t: TestContext, event: string | object, args: string[] = []) {
  const folder = await temporaryDirectory(t)
  const config = join(folder, 'config.yaml')
  await writeFile(config, yaml)
  let subject = event
  if (typeof subject === 'object') {
    await writeFile(join(folder, 'event.json'), JSON.stringify(subject))
    subject = join(folder, 'event.json')
  }
  const stdout = recordOutput()
  const stderr = recordOutput()
  const io = { stdout, stderr, environment: {}, signal: new AbortController().signal }
  const openConversions = () => Promise.reject(new Error('nothing is converted'))
  const code = await runAccelctl(['rules', 'test', '--config', config, ...args, subject], io, {
    openConversions,
  })
  return { code, stdout: stdout.text.replaceAll(registry.host, 'HOST'), stderr: stderr.text }
}

const resource = { resource_url: `${registry.host}/demo/app:v1` }

test('an event of each dialect is explained, rule by rule', async (t) => {
  const expected = `HOST/demo/app:v1
  default (-esgz) applies: it applies to every image
  blue (-blue) may apply: the label team must be looked up
  red (-red) may apply: the label team must be looked up
  other (-other) does not apply: the project is demo, not other
`
  const events = [
    { type: 'PUSH_ARTIFACT', operator: 'alice', event_data: { resources: [resource] } },
    { specversion: '1.0', type: 'harbor.artifact.pushed', data: { resources: [resource] } },
    { image: resource.resource_url },
  ]
  for (const event of [...events, resource.resource_url]) {
    const { code, stdout, stderr } = await explained(t, event)
    assert.deepEqual([code, stdout, stderr], [0, expected, ''])
  }
})

test('--resolve reads the manifest, so nothing is left open', async (t) => {
  const { code, stdout } = await explained(t, resource.resource_url, ['--resolve'])
  assert.equal(code, 0)
  assert.match(stdout, /blue \(-blue\) applies: the label team is blue$/m)
  assert.match(stdout, /red \(-red\) does not apply: the label team is blue, not red$/m)
})

test('what is passed over before any rule is asked says why, and exits with 3', async (t) => {
  const own = { type: 'PUSH_ARTIFACT', operator: 'robot', event_data: { resources: [resource] } }
  const { code, stdout } = await explained(t, own, ['--output', 'json'])
  assert.equal(code, 3)
  const [first] = JSON.parse(stdout) as { image: string; refused: string; rules: object[] }[]
  assert.equal(first?.refused, 'it was pushed by robot, the account of the service')
  assert.equal(first.rules.length, 4)
  const foreign = await explained(t, 'elsewhere.test/demo/app:v1')
  assert.equal(foreign.code, 3)
  assert.match(foreign.stdout, /nothing is converted: elsewhere\.test is not in provider\.source/)
  const pull = await explained(t, { type: 'PULL_ARTIFACT', event_data: {} })
  assert.equal(pull.code, 3)
  assert.match(pull.stderr, /PULL_ARTIFACT, which is passed over/)
  const broken = await explained(t, { type: 'PUSH_ARTIFACT' })
  assert.equal(broken.code, 1)
  assert.match(broken.stderr, /event_data is not an object/)
  const missing = await explained(t, '/nonexistent/event.json')
  assert.match(missing.stderr, /cannot read .*ENOENT/)
})

import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseConfig } from '../config/load.ts'
import { openConversionService } from '../convert/service.ts'
import { openLayoutTarget } from '../layout/location.ts'
import { createLog } from '../log/log.ts'
import { createRedaction } from '../log/redaction.ts'
import { buildImage, buildLayer, pushBuilt } from '../testing/image-builder.ts'
import { recordOutput } from '../testing/service/recorded-output.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { testTar } from '../testing/tar-builder.ts'
import { runAccelctl } from './accelctl.ts'

interface Encrypted {
  source: string
  target: string
  /** The path of the file of a private key. */
  keyFile(name: string, key: KeyObject): Promise<string>
}

async function encrypted(t: TestContext, publicKey: KeyObject): Promise<Encrypted> {
  const folder = await temporaryDirectory(t)
  const source = `oci:${join(folder, 'source')}:latest`
  const target = `oci:${join(folder, 'target')}:latest`
  {
    const tar = testTar().directory('etc/').file('etc/motd', 'welcome')
    const image = buildImage({ layers: [buildLayer(tar.bytes())] })
    await using layout = await openLayoutTarget(source)
    await pushBuilt(image, layout.target, { tag: 'latest' })
  }
  const recipient = join(folder, 'public.pem')
  await writeFile(recipient, publicKey.export({ type: 'spki', format: 'pem' }))
  const { config } = parseConfig(
    `
provider: {work_dir: ${join(folder, 'work')}, gcpolicy: {threshold: 1GB}}
converter:
  worker: 1
  driver: {type: nydus, config: {encrypt_recipients: "jwe:${recipient}"}}
  rules: [{tag_suffix: -x}]`,
    'config.yaml',
  )
  const redaction = createRedaction()
  const log = createLog({ write: () => {}, redaction, level: 'error' })
  await using service = await openConversionService(config, { log, redaction })
  await service.convert({ source, target }, { signal: t.signal, onEvent: () => {} })
  const keyFile = async (name: string, key: KeyObject): Promise<string> => {
    const path = join(folder, name)
    const isDer = name.endsWith('.der')
    await writeFile(
      path,
      isDer
        ? key.export({ type: 'pkcs8', format: 'der' })
        : JSON.stringify(key.export({ format: 'jwk' })),
    )
    return path
  }
  return { source, target, keyFile }
}

async function check(t: TestContext, ...argv: string[]) {
  const [stdout, stderr] = [recordOutput(), recordOutput()]
  const io = { stdout, stderr, environment: {}, signal: t.signal }
  const openConversions = () => Promise.reject(new Error('nothing is converted here'))
  const code = await runAccelctl(['check', ...argv], io, { openConversions })
  return { code, stdout: stdout.text, stderr: stderr.text }
}

test('what cannot be compared without a key is said, and is no success', async (t) => {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const others = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { source, target, keyFile } = await encrypted(t, keys.publicKey)

  const without = await check(t, source, target)
  assert.equal(without.code, 1, without.stderr)
  assert.match(without.stdout, /its bootstrap is encrypted: .*not compared; --decryption-key/)
  assert.match(without.stdout, /no difference was found, but not all could be compared\n$/)
  const json = await check(t, source, target, '--json')
  const { passed, images } = JSON.parse(json.stdout) as {
    passed: boolean
    images: { complete: boolean; problems: number }[]
  }
  assert.deepEqual([passed, images[0]!.complete, images[0]!.problems], [false, false, 0])

  const right = await keyFile('right.der', keys.privateKey)
  const wrong = await keyFile('wrong.jwk', others.privateKey)
  const both = ['--decryption-key', wrong, '--decryption-key', right]
  const compared = await check(t, source, target, ...both)
  assert.equal(compared.code, 0, compared.stderr)
  assert.match(compared.stdout, /nydus: 3 paths compared\n.*\n?all is the same\n$/s)

  const refused = await check(t, source, target, '--decryption-key', wrong)
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /the key opens none of those that are wrapped/)
})

test('a file that is no private key is refused, and not quoted', async (t) => {
  const folder = await temporaryDirectory(t)
  const file = join(folder, 'key')
  for (const content of ['{"secret": "hunter2"', '-----BEGIN hunter2', 'hunter2']) {
    await writeFile(file, content)
    const { code, stderr } = await check(t, 'oci:a', 'oci:b', '--decryption-key', file)
    assert.equal(code, 1)
    assert.match(stderr, /CHECK_KEY_UNUSABLE/)
    assert.doesNotMatch(stderr, /hunter2/)
  }
  const { stderr } = await check(t, 'oci:a', 'oci:b', '--decryption-key', join(folder, 'none'))
  assert.match(stderr, /CONFIG_UNREADABLE/)
})

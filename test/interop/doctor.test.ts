/** `accelctl doctor` and `accelctl explain` against a real registry: with all that it has, and with what it was told to refuse. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { buildImage, buildLayer } from '../../src/testing/image-builder.ts'
import { testTar } from '../../src/testing/tar-builder.ts'
import { lacking } from './programs.ts'
import { pushImage, startRegistry, type Registry } from './registry.ts'

const program = new URL('../../bin/accelctl.js', import.meta.url).pathname
const image = buildImage({ layers: [buildLayer(testTar().file('a', 'hello').bytes())] })

/** What a run of the program prints, and its code. */
function accelctl(...argv: string[]): { code: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...argv], {
    encoding: 'utf8',
    timeout: 120_000,
  })
  return { code: status, output: stdout + stderr }
}

function scene(t: TestContext): { folder: string; configFor(registry: Registry): string } {
  const folder = mkdtempSync(join(tmpdir(), 'doctor-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return {
    folder,
    configFor({ address }) {
      const path = join(folder, 'config.yaml')
      const yaml = `provider: { source: { "${address}": {} }, work_dir: ${join(folder, 'work')} }
converter: { driver: { type: nydus, config: { with_referrer: true } }, rules: [{ tag_suffix: -n, cache_tag: cache }] }
`
      writeFileSync(path, yaml, { mode: 0o600 })
      return path
    },
  }
}

test(
  'a registry that works: no failure, and no upload is left',
  { skip: lacking('docker-registry') },
  async (t) => {
    const { folder, configFor } = scene(t)
    await using registry = await startRegistry(join(folder, 'registry'))
    const reference = await pushImage(registry.address, 'demo/app', image)
    const config = configFor(registry)
    const doctor = accelctl('doctor', '--write', '--config', config, reference)
    assert.equal(doctor.code, 0, doctor.output)
    assert.match(doctor.output, /may be pushed to: an upload was begun and taken back/)
    assert.match(doctor.output, /a part of a layer can be read/)
    assert.match(doctor.output, /it takes manifests with .*nydus\.blob/)
    assert.match(doctor.output, /the artifact of this test was removed again/)
    // of an upload that was given up, distribution 2.8 itself leaves the state of a hash, until it purges
    const uploads = join(
      folder,
      'registry/storage/docker/registry/v2/repositories/demo/app/_uploads',
    )
    const left = readdirSync(uploads, { recursive: true, encoding: 'utf8' })
    assert.deepEqual(
      left.filter((path) => /\/(data|startedat)$/.test(path)),
      [],
    )

    const converted = accelctl('convert', '--config', config, reference)
    assert.equal(converted.code, 0, converted.output)
    const source = accelctl('explain', '--config', config, reference)
    assert.match(source.output, /Converted from it is latest-n .* linked to it by subject/)
    const result = accelctl('explain', '--config', config, `${reference}-n`)
    assert.match(result.output, /Nydus with RAFS v6/)
    assert.match(result.output, /The tag latest names that image still/)
  },
)

test(
  'a registry that is read-only, and deletes nothing',
  { skip: lacking('docker-registry') },
  async (t) => {
    const { folder, configFor } = scene(t)
    const storage = { filesystem: { rootdirectory: join(folder, 'registry/storage') } }
    {
      await using registry = await startRegistry(join(folder, 'registry'), { storage })
      const reference = await pushImage(registry.address, 'demo/app', image)
      const { code, output } = accelctl(
        'doctor',
        '--write',
        '--config',
        configFor(registry),
        reference,
      )
      assert.equal(code, 0, output)
      assert.match(output, /warning the artifact of this test could not be removed/)
    }
    const readonly = { ...storage, maintenance: { readonly: { enabled: true } } }
    await using registry = await startRegistry(join(folder, 'registry'), { storage: readonly })
    const reference = `${registry.address}/demo/app:latest`
    const { code, output } = accelctl('doctor', '--config', configFor(registry), reference)
    assert.equal(code, 3, output)
    assert.match(output, /latest of .* may be pulled/)
    assert.match(output, /FAILURE/)
  },
)

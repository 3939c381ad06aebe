/** What the doctor says of registries that tests start. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { parseConfig } from '../config/load.ts'
import type { Check } from '../doctor/check.ts'
import { areasOf, examine } from '../doctor/doctor.ts'
import { readTarget } from '../doctor/target.ts'
import { buildImage, buildLayer, pushBuilt } from './image-builder.ts'
import type { HarborInit, TestRegistryInit } from './registry/init.ts'
import { startTestRegistry, type TestRegistry } from './registry/test-registry.ts'
import { testTar } from './tar-builder.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** The account of the service, and the header of its webhook. */
export const ROBOT = 'robot$demo+acceld'
export const SECRET = 'S3cret-of-the-robot'
export const HEADER = 'Bearer s3cret-of-the-webhook'

/** What is in every registry, as `demo/app:v1`. */
export const image = buildImage({ layers: [buildLayer(testTar().file('f', 'content').bytes())] })

/** What a test lets the doctor look at. */
export interface ExamineInit {
  /** What of the registry is tested, behind its host. */
  path?: string
  /** Keys of the registry's section, in YAML. */
  source?: string
  /** Keys of `converter` and further sections. */
  rules?: string
  more?: string
  write?: boolean
  signal?: AbortSignal
}

/** What is said of the registry: `state: found -> fix`, with HOST for its name. */
export async function examined(
  t: TestContext,
  registry: TestRegistry,
  init: ExamineInit = {},
): Promise<string[]> {
  const { path = '/demo/app:v1', source = '', rules = '{ tag_suffix: -e }', more = '' } = init
  const workDir = await temporaryDirectory(t)
  const yaml = `provider: { source: { "${registry.host}": { ${source} } }, work_dir: ${workDir} }
converter: { driver: { type: nydus }, rules: [${rules}] }
${more}`
  const { config } = parseConfig(yaml, 'config.yaml')
  const doctor = {
    file: undefined,
    config,
    target: readTarget(`${registry.host}${path}`, config),
    write: init.write ?? false,
    service: { address: undefined, authorization: undefined, ca: undefined },
    environment: {},
    registry: { environment: {} },
    signal: init.signal ?? t.signal,
  }
  const checks: Check[] = []
  for await (const found of examine(doctor, {})) checks.push(...found)
  assert.deepEqual([...new Set(checks.map(({ area }) => area))], areasOf(doctor))
  const said = checks.filter(({ area }) => area === registry.host)
  const lines = said.map(({ state, found, fix }) => `${state}: ${found}${fix ? ` -> ${fix}` : ''}`)
  const all = JSON.stringify(checks)
  for (const secret of [SECRET, HEADER, Buffer.from(`${ROBOT}:${SECRET}`).toString('base64')]) {
    assert.ok(!all.includes(secret), 'a secret is shown')
  }
  return lines.map((line) =>
    line.replaceAll(registry.host, 'HOST').replaceAll(/in (\d[\d.]* m?s)/g, 'in TIME'),
  )
}

/** Keys of a registry's section for the robot. */
export const auth = `auth: ${Buffer.from(`${ROBOT}:${SECRET}`).toString('base64')}, webhook: { auth_header: ${HEADER} }`

/** A registry with the image. */
export async function startPushed(init: TestRegistryInit = {}): Promise<TestRegistry> {
  const registry = await startTestRegistry(init)
  await pushBuilt(image, registry.repository('demo/app'), { tag: 'v1' })
  registry.clearRequests()
  return registry
}

/** A Harbor with the robot, which may do what is given. */
export function startHarbor(
  init: HarborInit = {},
  account: { push?: string[]; secret?: string } = {},
): Promise<TestRegistry> {
  const { secret = SECRET, push = ['demo/'] } = account
  return startPushed({
    harbor: { projects: ['demo', 'other', 'proxy'], proxyProjects: ['proxy'], ...init },
    auth: { kind: 'bearer', users: { [ROBOT]: { secret, pull: ['demo/'], push } } },
  })
}

/** The lines that are not as they should be. */
export function wrong(lines: string[]): string[] {
  return lines.filter((line) => !line.startsWith('ok'))
}

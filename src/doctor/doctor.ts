import type { Config } from '../config/schema.ts'
import { findSource } from '../config/source.ts'
import { configuredRegistry, type ConfiguredRegistryInit } from '../convert/registry-hosts.ts'
import { isAccelError } from '../errors/accel-error.ts'
import type { RegistryClient, RegistryClientComponents } from '../registry/client.ts'
import { configChecks } from './config-checks.ts'
import { failure, skipped, type Check, type Finding } from './check.ts'
import { projectChecks, type ProjectInit } from './harbor-checks.ts'
import { machineChecks, thisMachine } from './machine-checks.ts'
import { registryChecks, type KnownRegistry } from './registry-checks.ts'
import { repositoryChecks } from './repository-checks.ts'
import { serviceChecks, type ServiceInit } from './service-checks.ts'
import type { Target } from './target.ts'
import { workDirChecks } from './work-dir-checks.ts'
import { writeChecks } from './write-checks.ts'

/** What of a set-up is looked at. */
export interface DoctorInit {
  /** The configuration file; without one only the machine and acceld are looked at. */
  file: string | undefined
  /** What the file says, where it can be used. */
  config: Config | undefined
  /** The registry, project or image that is tested more closely; without one each registry is asked whether it answers. */
  target: Target | undefined
  /** Something may be pushed, and is removed again. */
  write: boolean
  service: Omit<ServiceInit, 'signal'>
  environment: Readonly<Record<string, string | undefined>>
  registry: ConfiguredRegistryInit
  /** Ends all that is under way; what had not ended is said to be a failure. */
  signal: AbortSignal
}

/** One part of a set-up. */
interface Area {
  name: string
  findings: Promise<Finding[]>
}

/** Takes what was found, so that it is not lost when something later goes wrong. */
type Add = (findings: readonly Finding[]) => void

/** A registry may not answer: how long each step may take, in milliseconds, and how often it is tried. */
const times = { connectMs: 5_000, headersMs: 10_000, uploadHeadersMs: 15_000, stallMs: 10_000 }
const retry = { attempts: 2, totalMs: 15_000 }

/**
 * Looks at a set-up, part by part, all side by side; yields what was found of each in a fixed order. Contacts the
 * configured registries, where they send it, and acceld, and nobody else. Leaves nothing behind, but where `write` allows
 * that and the registry does not let it be removed.
 */
export async function* examine(
  init: DoctorInit,
  components: RegistryClientComponents,
): AsyncGenerator<Check[]> {
  const { file, config, environment } = init
  await using stack = new AsyncDisposableStack()
  const areas: Area[] = []
  const look = (name: string, work: (add: Add) => Promise<void>): void =>
    void areas.push(area(name, work, init.signal))
  if (file !== undefined) look('config', async (add) => add(configChecks(file, environment)))
  look('machine', async (add) => add(machineChecks(thisMachine(), config)))
  if (config !== undefined) {
    const registry = configuredRegistry(config, components, { ...init.registry, times, retry })
    stack.defer(() => registry.close())
    look('work_dir', async (add) => add(await workDirChecks(config)))
    for (const host of hostsOf(config, init.target)) {
      look(host, (add) => registryArea(registry, host, { ...init, config }, add))
    }
  }
  look('acceld', async (add) =>
    add(await serviceChecks(config, { ...init.service, signal: init.signal })),
  )
  for (const { name, findings } of areas) {
    yield (await findings).map((finding) => ({ area: name, ...finding }))
  }
}

/** Names of the parts that `examine` will speak of. */
export function areasOf({
  file,
  config,
  target,
}: Pick<DoctorInit, 'file' | 'config' | 'target'>): string[] {
  const own = file === undefined ? [] : ['config']
  const rest = config === undefined ? [] : ['work_dir', ...hostsOf(config, target)]
  return [...own, 'machine', ...rest, 'acceld']
}

function hostsOf(config: Config, target: Target | undefined): string[] {
  return target === undefined ? [...config.provider.source.keys()] : [target.host]
}

/** Begins to look at a part; what goes wrong, or is not found out in time, is a failure of that part alone. */
function area(name: string, work: (add: Add) => Promise<void>, signal: AbortSignal): Area {
  const found: Finding[] = []
  const looked = work((findings) => void found.push(...findings)).then(
    () => found,
    (error: unknown) => [...found, brokenOff(error, signal)],
  )
  // nobody may wait for it yet
  looked.catch(() => {})
  return { name, findings: looked }
}

/** Throws `error` itself where it is a defect of the program. */
function brokenOff(error: unknown, signal: AbortSignal): Finding {
  if (signal.aborted) {
    return failure(
      'it did not answer in time',
      'see whether it is overloaded, or allow more with --timeout',
    )
  }
  if (isAccelError(error)) return failure(error.message, error.hint)
  throw error
}

/** What is looked at in registries. */
type RegistryArea = DoctorInit & { config: Config }

async function registryArea(
  registry: RegistryClient,
  host: string,
  init: RegistryArea,
  add: Add,
): Promise<void> {
  const found = findSource(init.config, host)
  if (found === undefined) return
  const { findings, known } = await registryChecks(registry, host, found.source, init.signal)
  add(findings)
  if (known === undefined) return
  const { target } = init
  if (target?.path !== undefined) return pathChecks(registry, known, target, init, add)
  const fix = `accelctl doctor --config ${init.file ?? 'FILE'} ${host}/PROJECT/REPOSITORY:TAG`
  add([skipped('what the account may do was not tested', fix)])
}

/** What the account may do in a project of a Harbor, and in a repository. */
async function pathChecks(
  registry: RegistryClient,
  known: KnownRegistry,
  { path = '', tag, digest }: Target,
  { config, write, signal }: RegistryArea,
  add: Add,
): Promise<void> {
  const { host } = known
  const [project = '', ...below] = path.split('/')
  const ofProject = await projectOf(registry, known, {
    config,
    project,
    ...(below.length === 0 ? {} : { repository: below.join('/') }),
    ...(tag === undefined ? {} : { tag }),
    signal,
  })
  add(ofProject.findings)
  const { mayPush } = ofProject
  const wholeProject = known.harbor !== undefined && below.length === 0
  const repository = wholeProject ? await repositoryIn(registry, host, project, signal) : path
  const wanted = digest ?? tag
  add(await repositoryChecks(registry, { config, known, repository, wanted, mayPush, signal }))
  if (!write || mayPush === false) return
  const place = { host, repository }
  const at = registry.repository(place)
  const subject = await at.find(wanted ?? 'latest', { signal }).catch(() => undefined)
  add(await writeChecks(at, registry.probe(place), { config, known, project, subject, signal }))
}

/** What Harbor's own API says of a project; where it refuses the account, the registry's says enough. */
async function projectOf(
  registry: RegistryClient,
  { host, source, account, harbor }: KnownRegistry,
  init: Omit<ProjectInit, 'host' | 'source' | 'account'>,
): ReturnType<typeof projectChecks> {
  if (harbor === undefined) return { findings: [] }
  try {
    return await projectChecks(registry.harbor(host), { ...init, host, source, account })
  } catch (error) {
    if (!isAccelError(error) || init.signal.aborted) throw error
    const found = `Harbor's own API does not say what the account may do: ${error.message}`
    return { findings: [skipped(found)] }
  }
}

/** A repository of a project: the first that Harbor lists, else one that need not be there. */
async function repositoryIn(
  registry: RegistryClient,
  host: string,
  project: string,
  signal: AbortSignal,
): Promise<string> {
  try {
    for await (const name of registry.harbor(host).repositories(project, { signal })) return name
  } catch (error) {
    if (!isAccelError(error) || signal.aborted) throw error
  }
  return `${project}/acceld-doctor`
}

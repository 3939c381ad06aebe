import { isAccelError } from '../errors/accel-error.ts'
import { objectsIn, readPages, type ListInit } from './pages.ts'
import type { Scope } from './scope.ts'
import type { Transport } from './transport.ts'

/** How a Harbor is set up. Members are absent where it does not tell. */
export interface HarborSystem {
  /** `v2.12.1-…` */
  version?: string
  /** Nothing can be pushed to it at the moment. */
  readOnly: boolean
  /** It sends webhooks at all. */
  notifies: boolean
}

export interface HarborProject {
  id: number
  name: string
  /** It caches another registry: nothing can be pushed there. */
  proxyCache: boolean
}

/** One target of a webhook policy. */
export interface HarborWebhook {
  /** Name of its policy, and its id; without one it is not asked about further. */
  policy: string
  id?: number
  enabled: boolean
  eventTypes: string[]
  address: string
  /** What it sends as `Authorization`, in clear: a secret. */
  authHeader: string
  /** `Default` or `CloudEvents`; empty before Harbor 2.8, which knows the first alone. */
  payloadFormat: string
}

/** Room that a project has and uses, in bytes; without `limit` there is none. */
export interface HarborQuota {
  used: number
  limit?: number
}

/** Which tags, of which repositories of a project, cannot be moved: patterns, or all but what matches them. */
export interface ImmutableTags {
  /** Without the project. */
  repository: { pattern: string; excludes: boolean }
  tag: { pattern: string; excludes: boolean }
}

/** How a Harbor is set up, as far as the account may see it. */
export interface HarborSetup {
  /** As far as it tells the account. Throws REGISTRY_…. */
  system(init: ListInit): Promise<HarborSystem>
  /** A project by its name; undefined where the account sees none of that name. Throws REGISTRY_…. */
  project(name: string, init: ListInit): Promise<HarborProject | undefined>
  /**
   * What the account may do in a project, as `resource:action`, `repository:push`; undefined where this Harbor does not
   * tell. Throws REGISTRY_….
   */
  permissions(project: HarborProject, init: ListInit): Promise<ReadonlySet<string> | undefined>
  /** Whom Harbor tells of what happens in a project; undefined where the account may not see it. Throws REGISTRY_…. */
  webhooks(project: HarborProject, init: ListInit): Promise<HarborWebhook[] | undefined>
  /** What became of the last event of a policy: `Success`, `Error`, `Running`; undefined where there is none, or it is not told. */
  lastDelivery(project: HarborProject, id: number, init: ListInit): Promise<string | undefined>
  /** Undefined where the account may not see it. Throws REGISTRY_…. */
  quota(project: HarborProject, init: ListInit): Promise<HarborQuota | undefined>
  /** The rules that are in force; undefined where the account may not see them. Throws REGISTRY_…. */
  immutableTags(project: HarborProject, init: ListInit): Promise<ImmutableTags[] | undefined>
}

/** Most that a page may ask for. */
const PAGE = 100

/** Answers by which Harbor withholds something from an account, or does not know it. */
const withheld: readonly string[] = ['REGISTRY_AUTH', 'REGISTRY_DENIED', 'REGISTRY_STATUS']

/** How a Harbor behind `transport` is set up for the account. Source: Harbor api/v2.0/swagger.yaml. */
export function harborSetup(transport: Transport): HarborSetup {
  const { name } = transport.host
  const objects = async (
    path: string,
    what: string,
    init: ListInit,
  ): Promise<Record<string, unknown>[]> => {
    const request = asAccount(what)
    const all = []
    for await (const page of readPages(transport, request, `/api/v2.0/${path}`, init)) {
      all.push(...objectsIn(page, what))
    }
    return all
  }
  /** Of a list that may be long, or of something that is no list. */
  const firstPage = async (
    path: string,
    what: string,
    init: ListInit,
  ): Promise<Record<string, unknown>[]> => {
    for await (const page of readPages(transport, asAccount(what), `/api/v2.0/${path}`, init)) {
      return objectsIn(Array.isArray(page) ? page : [page], what)
    }
    return []
  }
  return {
    async system(init) {
      const [info = {}] = await firstPage('systeminfo', `the settings of ${name}`, init)
      const { harbor_version: version, read_only: readOnly, notification_enable: on } = info
      return {
        readOnly: readOnly === true,
        notifies: on !== false,
        ...(typeof version === 'string' ? { version } : {}),
      }
    },
    async project(wanted, init) {
      const path = `projects?with_detail=false&page_size=${PAGE}&name=${encodeURIComponent(wanted)}`
      // the name is part of what is found
      const found = await objects(path, `the project ${wanted} of ${name}`, init)
      const project = found.find((one) => one['name'] === wanted)
      const { project_id: id, registry_id: upstream } = project ?? {}
      if (typeof id !== 'number') return undefined
      return { id, name: wanted, proxyCache: typeof upstream === 'number' && upstream > 0 }
    },
    async permissions({ id, name: project }, init) {
      const what = `the account's permissions in ${name}/${project}`
      const path = `users/current/permissions?relative=true&scope=${encodeURIComponent(`/project/${id}`)}`
      const all = await orWithheld(objects(path, what, init))
      if (all === undefined) return undefined
      return new Set(all.map(({ resource, action }) => `${String(resource)}:${String(action)}`))
    },
    async webhooks({ name: project }, init) {
      const what = `the webhooks of ${name}/${project}`
      const path = `projects/${encodeURIComponent(project)}/webhook/policies?page_size=${PAGE}`
      const policies = await orWithheld(objects(path, what, init))
      return policies?.flatMap(webhooksIn)
    },
    async lastDelivery({ name: project }, id, init) {
      const what = `the events of webhook ${id} of ${name}/${project}`
      const path = `projects/${encodeURIComponent(project)}/webhook/policies/${id}/executions?sort=-id&page_size=1`
      const first = await orWithheld(firstPage(path, what, init))
      const status = first?.[0]?.['status']
      return typeof status === 'string' ? status : undefined
    },
    async quota({ name: project }, init) {
      const path = `projects/${encodeURIComponent(project)}/summary`
      const first = await orWithheld(firstPage(path, `the quota of ${name}/${project}`, init))
      return quotaIn(first?.[0]?.['quota'])
    },
    async immutableTags({ name: project }, init) {
      const path = `projects/${encodeURIComponent(project)}/immutabletagrules?page_size=${PAGE}`
      const what = `the immutable tags of ${name}/${project}`
      const rules = await orWithheld(objects(path, what, init))
      return rules?.filter(({ disabled }) => disabled !== true).flatMap(immutableIn)
    },
  }
}

function asAccount(what: string): { what: string; scopes: Scope[]; login: 'account' } {
  return { what, scopes: [], login: 'account' }
}

/** Undefined where the account may not see what is asked for. */
async function orWithheld<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (isAccelError(error) && withheld.includes(error.code)) return undefined
    throw error
  }
}

/** The targets of a policy. What is false or empty is left out of the answer. */
function webhooksIn(policy: Record<string, unknown>): HarborWebhook[] {
  const { id, name, enabled, event_types: types, targets } = policy
  return listIn(targets).flatMap((target) => {
    if (typeof target !== 'object' || target === null) return []
    const {
      address,
      auth_header: header,
      payload_format: format,
    } = target as Record<string, unknown>
    return {
      policy: textIn(name),
      ...(typeof id === 'number' ? { id } : {}),
      enabled: enabled === true,
      eventTypes: listIn(types).filter((type) => typeof type === 'string'),
      address: textIn(address),
      authHeader: textIn(header),
      payloadFormat: textIn(format),
    }
  })
}

/** -1 is no limit. */
function quotaIn(quota: unknown): HarborQuota | undefined {
  const [used, limit] = ['used', 'hard'].map((key) => objectIn(objectIn(quota)[key])['storage'])
  if (typeof used !== 'number') return undefined
  return typeof limit === 'number' && limit >= 0 ? { used, limit } : { used }
}

/** Harbor goes by the first selector of each kind. Source: Harbor src/pkg/immutable/match/rule/match.go. */
function immutableIn(rule: Record<string, unknown>): ImmutableTags[] {
  const repository = selectorIn(objectIn(rule['scope_selectors'])['repository'])
  const tag = selectorIn(rule['tag_selectors'])
  return repository === undefined || tag === undefined ? [] : [{ repository, tag }]
}

function selectorIn(selectors: unknown): ImmutableTags['tag'] | undefined {
  const { pattern, decoration } = objectIn(listIn(selectors)[0])
  if (typeof pattern !== 'string') return undefined
  return { pattern, excludes: /excludes$/i.test(textIn(decoration)) }
}

function objectIn(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function listIn(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function textIn(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

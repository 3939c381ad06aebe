import { CONVERSIONS_PATH, PUSH_ARTIFACT } from '../api/contract.ts'
import type { Config, SourceConfig } from '../config/schema.ts'
import type { HarborApi } from '../registry/harbor-api.ts'
import type { HarborWebhook } from '../registry/harbor-setup.ts'
import { failure, ok, skipped, warning, type Finding } from './check.ts'
import { limitChecks } from './harbor-limits.ts'
import { tick, type Permission } from './harbor-permission.ts'

/** What is looked at in one project. */
export interface ProjectInit {
  config: Config
  /** As the configuration names it. */
  host: string
  source: SourceConfig
  account: string | undefined
  project: string
  /** What is tested in the project, where that is known: the repository without the project, and the tag. */
  repository?: string
  tag?: string
  signal: AbortSignal
}

const toConvert: readonly Permission[] = [
  { resource: 'repository', action: 'pull' },
  { resource: 'repository', action: 'push' },
]

const toSearch: readonly Permission[] = [
  { resource: 'repository', action: 'list' },
  { resource: 'artifact', action: 'list' },
]

/**
 * What Harbor itself says of a project: that it is there, what our account may do in it, and whom it tells of pushes.
 * `mayPush` is undefined where it does not say.
 */
export async function projectChecks(
  harbor: HarborApi,
  init: ProjectInit,
): Promise<{ findings: Finding[]; mayPush?: boolean }> {
  const { project: name, account, signal } = init
  const project = await harbor.project(name, { signal })
  if (project === undefined) {
    const seen = account === undefined ? 'only accounts may see it' : `${account} may not see it`
    const found = `there is no project ${name}, or ${seen}`
    return { findings: [failure(found, `check the name; ${tick(account, name, toConvert)}`)] }
  }
  if (project.proxyCache) {
    const found = `${name} caches another registry: Harbor lets nobody push to it`
    const fix = 'convert images of another project, or the source of this one'
    return { findings: [failure(found, fix)], mayPush: false }
  }
  const webhooks = await webhookChecks(await harbor.webhooks(project, { signal }), {
    ...init,
    lastDelivery: (id) => harbor.lastDelivery(project, id, { signal }),
  })
  const limits = limitChecks(
    await harbor.quota(project, { signal }),
    await harbor.immutableTags(project, { signal }),
    init,
  )
  const may = await harbor.permissions(project, { signal })
  // the probes of the registry tell as much, if less exactly
  if (may === undefined) return { findings: [...limits, ...webhooks] }
  return {
    findings: [...permissionChecks(may, init), ...limits, ...webhooks],
    mayPush: may.has('repository:push'),
  }
}

function permissionChecks(
  may: ReadonlySet<string>,
  { config, account, project, source }: ProjectInit,
): Finding[] {
  const lacking = (permissions: readonly Permission[]): Permission[] =>
    permissions.filter(({ resource, action }) => !may.has(`${resource}:${action}`))
  const who = account ?? 'anybody'
  const missing = lacking(toConvert)
  const findings = [
    missing.length === 0
      ? ok(`in the project ${project} ${who} may pull and push; tags are made by the push`)
      : failure(
          `in the project ${project} ${who} lacks ${namesOf(missing)}`,
          tick(account, project, missing),
        ),
  ]
  const searches = source.reconcile.api !== 'off' && source.reconcile.api !== 'catalog'
  const unlisted = lacking(toSearch)
  if (searches && config.reconcile.schedule !== undefined && unlisted.length > 0) {
    findings.push(
      warning(
        `in the project ${project} ${who} lacks ${namesOf(unlisted)}: the searches of reconcile.schedule find nothing there`,
        tick(account, project, unlisted),
      ),
    )
  }
  return findings
}

function namesOf(permissions: readonly Permission[]): string {
  return permissions.map(({ resource, action }) => `${resource}:${action}`).join(' and ')
}

/** Whether Harbor tells us of pushes, and says who it is as we expect it. Headers are compared and never shown. */
async function webhookChecks(
  webhooks: readonly HarborWebhook[] | undefined,
  init: ProjectInit & { lastDelivery(id: number): Promise<string | undefined> },
): Promise<Finding[]> {
  const { config, host, source, account, project } = init
  if (webhooks === undefined) {
    const fix = tick(account, project, [{ resource: 'notification-policy', action: 'list' }])
    return [skipped(`whether ${project} has a webhook that leads to acceld cannot be seen`, fix)]
  }
  const place = `Projects > ${project} > Webhooks`
  const ours = webhooks.filter(({ address }) => address.includes(CONVERSIONS_PATH))
  if (ours.length === 0) {
    return [
      warning(
        `the project ${project} has no webhook that leads to acceld: only searches and accelctl find its images`,
        `in Harbor: ${place} > New Webhook: event "Artifact pushed", Endpoint URL https://ACCELD${CONVERSIONS_PATH}, Auth Header as webhook.auth_header has it`,
      ),
    ]
  }
  const accepted = acceptedHeaders(source, config)
  const findings: Finding[] = []
  for (const webhook of ours) {
    const finding = webhookCheck(webhook, { accepted, place, host })
    const { id, address } = webhook
    const last =
      finding.state === 'ok' && id !== undefined ? await init.lastDelivery(id) : undefined
    findings.push(last === 'Error' ? undelivered(webhook.policy, placeOf(address), place) : finding)
  }
  return findings
}

/** What acceld accepts as Authorization of events of a registry; an empty one is none. Secrets. */
function acceptedHeaders({ webhook }: SourceConfig, { server }: Config): string[] {
  const { apiToken, allowUnauthenticated } = server
  const own = webhook.authHeader
  return [
    ...(own !== '' || allowUnauthenticated ? [own] : []),
    ...(apiToken === '' ? [] : [apiToken, `Bearer ${apiToken}`]),
  ]
}

function webhookCheck(
  webhook: HarborWebhook,
  { accepted, place, host }: { accepted: readonly string[]; place: string; host: string },
): Finding {
  const { policy, enabled, eventTypes, address, authHeader } = webhook
  const where = `in Harbor: ${place} > ${policy}`
  const name = `the webhook ${policy} to ${placeOf(address)}`
  if (!enabled) return failure(`${name} is switched off`, `${where}: Enable`)
  if (!eventTypes.includes(PUSH_ARTIFACT)) {
    return failure(`${name} does not tell of pushes`, `${where}: Edit, tick "Artifact pushed"`)
  }
  if (!accepted.includes(authHeader)) {
    const sends = authHeader === '' ? 'sends no Authorization' : 'sends another Authorization'
    return failure(
      `${name} ${sends}, expected that of webhook.auth_header: each event is refused with 401`,
      `write the same text into provider.source."${host}".webhook.auth_header and, ${where}: Edit, into Auth Header`,
    )
  }
  if (new URLSearchParams(address.split('?')[1]).get('sync') === 'true') {
    return warning(
      `${name} asks to be answered after the conversion: Harbor waits 3 seconds and then sends the event again, twice`,
      `${where}: Edit, take ?sync=true out of the Endpoint URL`,
    )
  }
  return ok(`${name} tells of pushes, with the Authorization that is expected`)
}

function undelivered(policy: string, address: string, place: string): Finding {
  return warning(
    `the webhook ${policy} is as it should be, and Harbor could not deliver its last event to ${address}`,
    `let Harbor's jobservice reach it; why it could not is in its log, in Harbor: ${place} > ${policy} > Executions`,
  )
}

/** Where an address leads; a query, or a user, may be a secret. */
function placeOf(address: string): string {
  const url = URL.parse(address)
  return url === null ? 'an unreadable address' : `${url.origin}${url.pathname}`
}

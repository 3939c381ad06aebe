import type { Config, SourceConfig } from '../config/schema.ts'
import { isAccelError, type AccelError } from '../errors/accel-error.ts'
import { planPush } from '../http/webhook/push-plan.ts'
import type { Log } from '../log/log.ts'
import type { Clock } from '../network/clock.ts'
import { ACCELERATION_SOURCE_DIGEST } from '../oci/annotation.ts'
import { isDigest } from '../oci/digest.ts'
import { isIndexType } from '../oci/media-type.ts'
import { parseIndex, parseManifest } from '../oci/manifest.ts'
import type { RegistryClient } from '../registry/client.ts'
import type { RegistryRepository } from '../registry/repository.ts'
import type { TaskQueue } from '../tasks/queue.ts'
import type { Task, TaskOrder } from '../tasks/task.ts'
import { imageFinder, type FindInit, type FoundImage } from './find-images.ts'
import { createPace } from './pace.ts'
import { emptyHostReport, MAX_LISTED, type HostReport, type ReconcileReport } from './report.ts'

/** What a search works with. */
export interface SearchComponents {
  registry: RegistryClient
  queue: Pick<TaskQueue, 'submit' | 'list' | 'counts'>
  clock: Clock
  log: Log
}

export interface SearchInit {
  config: Config
  /** Queues nothing. */
  dryRun: boolean
  signal: AbortSignal
}

/** How long a search waits before it looks again whether the queue has room. */
const ROOM_PAUSE_MS = 1_000

/** Tasks of one image that are looked at for an earlier attempt. */
const MAX_EARLIER = 20

/**
 * Looks through all configured registries, one after the other, and queues what the rules ask for and is not there. What
 * goes wrong in one registry ends the search there and is in `report`, which is filled in on the way. In memory are one page of a list, and the tags
 * of one repository.
 */
export async function search(
  components: SearchComponents,
  init: SearchInit,
  report: ReconcileReport,
): Promise<void> {
  for (const [host, source] of init.config.provider.source) {
    if (source.reconcile.api === 'off') continue
    const own = emptyHostReport(host)
    report.hosts.push(own)
    await new HostSearch(components, init, own, report.queued).run(source)
  }
}

class HostSearch {
  readonly #parts: SearchComponents
  readonly #init: SearchInit
  readonly #host: string
  readonly #report: HostReport
  readonly #listed: string[]
  readonly #pace: () => Promise<void>

  constructor(parts: SearchComponents, init: SearchInit, report: HostReport, listed: string[]) {
    this.#parts = parts
    this.#init = init
    this.#host = report.host
    this.#report = report
    this.#listed = listed
    this.#pace = createPace(parts.clock, init.config.reconcile.requestsPerSecond, init.signal)
  }

  async run(source: SourceConfig): Promise<void> {
    const list: FindInit = {
      signal: this.#init.signal,
      pace: this.#pace,
      onRefused: (repository, error) => this.#failed(`${this.#host}/${repository}`, error),
    }
    try {
      const find = await imageFinder(this.#parts.registry, this.#host, source, list)
      for await (const image of find(list)) {
        this.#report.images += 1
        await this.#lookSafely(image)
      }
    } catch (error) {
      if (!isAccelError(error) || this.#init.signal.aborted) throw error
      const { code, message, hint } = error
      this.#report.error = { code, message, hint }
    }
  }

  /** An image that cannot be read does not end the search. */
  async #lookSafely(image: FoundImage): Promise<void> {
    try {
      await this.#look(image)
    } catch (error) {
      if (
        !isAccelError(error) ||
        !/^(CONTENT|IMAGE)_|^REGISTRY_(POLICY|DENIED)$/.test(error.code)
      ) {
        throw error
      }
      this.#failed(`${this.#host}/${image.repository}:${image.tag}`, error)
    }
  }

  #failed(what: string, error: AccelError): void {
    this.#report.failed += 1
    this.#parts.log.warn(`${what} is passed over by the search`, { error, code: error.code })
  }

  async #look(image: FoundImage): Promise<void> {
    const { config, signal } = this.#init
    const url = `${this.#host}/${image.repository}:${image.tag}`
    const rules = new Map(config.converter.rules.map((rule) => [rule.name, rule.tagSuffix]))
    const plan = planPush(config, { url }, { untagged: false })
    if ('skipped' in plan) return void (this.#report.notWanted += 1)
    const { host, repository } = plan.reference
    const at = this.#parts.registry.repository({ host, repository })
    if (await this.#isResult(image, at, [...rules.values()])) {
      return void (this.#report.notWanted += 1)
    }
    const digest = image.digest ?? (await this.#digestOf(at, image.tag))
    if (digest === undefined) return
    for (const order of plan.orders) {
      signal.throwIfAborted()
      const target = `${image.tag}${rules.get(order.rule ?? '') ?? ''}`
      await this.#consider({ ...order, digest }, at, target, image.tags)
    }
  }

  async #consider(
    order: TaskOrder & { digest: string },
    at: RegistryRepository,
    target: string,
    tags: ReadonlySet<string> | undefined,
  ): Promise<void> {
    const there = tags?.has(target) === false ? undefined : await this.#sourceOf(at, target)
    if (there === order.digest) return void (this.#report.upToDate += 1)
    if (this.#triedBefore(order)) return void (this.#report.triedBefore += 1)
    if (!this.#init.dryRun) {
      await this.#room()
      await this.#parts.queue.submit(order)
    }
    this.#report.queued += 1
    if (this.#listed.length < MAX_LISTED) this.#listed.push(order.lane)
  }

  async #digestOf(at: RegistryRepository, tag: string): Promise<string | undefined> {
    await this.#pace()
    return (await at.find(tag, { signal: this.#init.signal }))?.digest
  }

  /** The digest of what the image under `tag` was made from, as it says itself. */
  async #sourceOf(at: RegistryRepository, tag: string): Promise<string | undefined> {
    const { signal } = this.#init
    await this.#pace()
    const found = await at.find(tag, { signal })
    if (found === undefined) return undefined
    await this.#pace()
    const bytes = await at.manifest(found, { signal })
    const what = `${at.name}:${tag}`
    const document = isIndexType(found.mediaType)
      ? parseIndex(bytes, what)
      : parseManifest(bytes, what)
    return document.annotations?.[ACCELERATION_SOURCE_DIGEST] ?? document.subject?.digest
  }

  /** Whether the tag ends with a suffix of ours and stands beside the tag that it was made from, or says that it was made. */
  async #isResult(
    { tag, tags }: FoundImage,
    at: RegistryRepository,
    suffixes: readonly string[],
  ): Promise<boolean> {
    const suffix = suffixes.find((one) => tag.endsWith(one))
    if (suffix === undefined) return false
    if (tags?.has(tag.slice(0, -suffix.length)) === true) return true
    return (await this.#sourceOf(at, tag)) !== undefined
  }

  /** Whether a task for the same has ended, or is open, and doing it again would only lead to the same. */
  #triedBefore(order: TaskOrder): boolean {
    const { tasks } = this.#parts.queue.list({ text: order.source, limit: MAX_EARLIER })
    const same = tasks.find(({ lane, outcome, digest }) => {
      const converted = digest ?? outcome?.sourceDigest
      return lane === order.lane && (!isDigest(converted) || converted === order.digest)
    })
    return same !== undefined && (same.state !== 'completed' || wasNeedless(same))
  }

  async #room(): Promise<void> {
    const { queue, clock } = this.#parts
    while (queue.counts().waiting >= this.#init.config.reconcile.maxWaiting) {
      await clock.sleep(ROOM_PAUSE_MS, this.#init.signal)
    }
  }
}

/** There was nothing to convert. */
function wasNeedless({ outcome }: Task): boolean {
  return outcome?.skipped !== undefined
}

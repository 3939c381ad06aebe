/** A conversion service that converts nothing: it says what a real one would. */
import type { Config } from '../../config/schema.ts'
import type { ConversionEvent } from '../../convert/events.ts'
import type { ConversionReport } from '../../convert/report.ts'
import type { ConversionService, ImageRequest } from '../../convert/service.ts'
import { digestOf } from '../../oci/digest.ts'
import { OCI_LAYER_GZIP } from '../../oci/media-type.ts'

export interface FakeConversions extends ConversionService {
  requests: ImageRequest[]
  /** What it was reconfigured with. */
  configs: Config[]
  closed: boolean
  /** Owners whose layers were let go. */
  released: string[]
}

/** What one conversion does before it succeeds; throws to fail. */
type Step = (
  request: ImageRequest,
  init: { signal: AbortSignal; onEvent(event: ConversionEvent): void },
) => Promise<void>

/** Conversions that succeed after `step`. */
export function fakeConversions(step: Step = () => Promise.resolve()): FakeConversions {
  return {
    requests: [],
    configs: [],
    closed: false,
    released: [],
    release(owner) {
      this.released.push(owner)
    },
    releaseAllBut() {},
    async convert(request, init) {
      this.requests.push(request)
      const target = request.target ?? `${request.source}-esgz`
      const { onEvent } = init
      onEvent({ type: 'pulling', image: request.source })
      onEvent({ type: 'pulled', image: request.source, cached: 0, layers: 1, elapsedMs: 2 })
      onEvent({ type: 'converting', image: request.source })
      await step(request, init)
      onEvent({ type: 'converted', image: target, cached: 0, layers: 1, elapsedMs: 3 })
      onEvent({ type: 'pushing', image: target })
      onEvent({ type: 'pushed', image: target, elapsedMs: 4 })
      const report = reportOf(request.source, target)
      onEvent({ type: 'done', report })
      return report
    },
    collect: () => Promise.resolve(),
    usage: () => Promise.resolve({ content: 0, underWay: 0, needed: 0, layers: 0 }),
    useRegistry: () => Promise.reject(new Error('there is no registry')),
    reconfigure(config) {
      this.configs.push(config)
    },
    async [Symbol.asyncDispose]() {
      this.closed = true
    },
  }
}

function reportOf(source: string, target: string): ConversionReport {
  return {
    source,
    sourceDigest: digestOf(source),
    target,
    targetDigest: digestOf(target),
    driver: { name: 'estargz', version: '1' },
    sourceSize: 70_254_592,
    targetSize: 72_351_744,
    images: [
      {
        platform: 'linux/amd64',
        sourceDigest: digestOf(source),
        targetDigest: digestOf(target),
        layers: [
          {
            source: { digest: digestOf('layer'), mediaType: OCI_LAYER_GZIP, size: 70_250_000 },
            target: {
              digest: digestOf('lazy layer'),
              mediaType: OCI_LAYER_GZIP,
              size: 72_347_000,
              indexSize: 210_000,
            },
            entries: 4045,
          },
        ],
      },
    ],
    kept: [],
    warnings: [],
    timings: { pullMs: 2, convertMs: 3, pushMs: 4, totalMs: 9 },
  }
}

import { formatDuration } from './duration.ts'
import type { Log } from './log.ts'

/** What of a conversion has a line of its own; other steps have none. Times are milliseconds. */
export type ConversionStep =
  | { type: 'pulling' | 'converting' | 'pushing'; image: string }
  | {
      type: 'pulled' | 'converted'
      image: string
      cached: number
      layers: number
      elapsedMs: number
    }
  | { type: 'pushed'; image: string; elapsedMs: number }
  | { type: 'warning'; image: string; message: string }
  | { type: 'skipped'; image: string; reason: string }
  | { type: 'reused'; image: string; digest: string }
  | { type: 'waiting for disk'; image: string; bytes: number }
  | { type: 'layer' | 'done' }

/** Writes the lines of a conversion as upstream does: `pulled image <ref> (cached 0/7), elapse 1.5s`, `module=converter`. */
export function conversionLog(log: Log): (step: ConversionStep) => void {
  const converter = log.child({ module: 'converter' })
  return (step) => {
    switch (step.type) {
      case 'pulling':
      case 'converting':
      case 'pushing':
        converter.info(`${step.type} image ${step.image}`)
        break
      case 'pulled':
      case 'converted': {
        const { type, image, cached, layers } = step
        const elapsed = formatDuration(step.elapsedMs)
        converter.info(`${type} image ${image} (cached ${cached}/${layers}), elapse ${elapsed}`)
        break
      }
      case 'pushed':
        converter.info(`pushed image ${step.image}, elapse ${formatDuration(step.elapsedMs)}`)
        break
      case 'warning':
        converter.warn(step.message)
        break
      case 'skipped':
        converter.info(`${step.image} is not converted: ${step.reason}`)
        break
      case 'reused':
        converter.info(`image has been converted: ${step.image}`, { digest: step.digest })
        break
      case 'waiting for disk':
        converter.info(`${step.image} waits until ${step.bytes} bytes of the disk are free`)
        break
      case 'layer':
      case 'done':
        break
    }
  }
}

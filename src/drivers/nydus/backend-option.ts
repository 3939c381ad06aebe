import { openBackend } from '../../backends/backend.ts'
import { BACKEND_TYPES, parseBackendConfig } from '../../backends/settings.ts'
import { environment } from '../../config/environment.ts'
import { AccelError } from '../../errors/accel-error.ts'
import type { BlobBackend } from '../../transport/image-transport.ts'
import { booleanOption, choiceOption, type FailOption } from '../option-reader.ts'

/** The three keys that say where blobs are kept, as written; empty is left out. */
export interface BackendOptions {
  backend_type: string
  backend_config: string
  backend_force_push: string
}

/** The place for blobs that the keys name, or undefined: the registry. Throws DRIVER_OPTION_INVALID. */
export function backendOption(options: BackendOptions): BlobBackend | undefined {
  const refuse = (key: string): FailOption => {
    return (problem) => {
      throw new AccelError('DRIVER_OPTION_INVALID', { driver: 'nydus', key, problem })
    }
  }
  const { backend_type: name, backend_config: config, backend_force_push: force } = options
  if (name === '') {
    const alone = config === '' ? 'backend_force_push' : 'backend_config'
    if (config !== '' || isTrue(force, refuse('backend_force_push'))) {
      refuse(alone)('it says nothing without backend_type')
    }
    return undefined
  }
  const type = choiceOption(BACKEND_TYPES)(name, refuse('backend_type'))
  if (config === '') refuse('backend_config')(`it is missing, and backend_type is ${type}`)
  const settings = parseBackendConfig(type, config, environment, (member, problem) =>
    refuse(member === '' ? 'backend_config' : `backend_config.${member}`)(problem),
  )
  return openBackend(settings, { force: isTrue(force, refuse('backend_force_push')) })
}

function isTrue(text: string, fail: FailOption): boolean {
  return text !== '' && booleanOption(text, fail)
}

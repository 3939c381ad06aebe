import { renderConfigurationDocs } from '../../src/config/documentation.ts'
import type { Page } from './page.ts'

/** `docs/configuration.md`: every key of the configuration file. */
export const configurationPage: Page = {
  path: 'docs/configuration.md',
  render: renderConfigurationDocs,
}

import { driverSuite } from '../../testing/driver-suite.ts'
import { estargz } from './index.ts'

driverSuite('estargz', estargz.configure({}))

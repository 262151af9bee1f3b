import { optimizerContract, samplerContract, studyStoreContract } from '@tradewright/core/testing'
import { defineOptimizer, memoryStudyStore, randomSampler, sobolSampler } from '../src/index.ts'

studyStoreContract({ make: () => memoryStudyStore() })
samplerContract({ make: () => randomSampler() })
samplerContract({ make: () => sobolSampler() })
optimizerContract({
  make: () => defineOptimizer({ name: 'pass', effect: 'exact', evaluate: (request, next) => next(request) }),
})

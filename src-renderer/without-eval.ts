// zod tries `new Function` when the first schema of an object is made, which the content security policy reports as a
// violation. Schemas are made while their modules load: this one has to be loaded before them.
import { z } from 'zod';

z.config({ jitless: true });

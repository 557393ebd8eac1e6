// The page: one Vue application over the engine's API.
import { createPinia } from 'pinia';
import { createApp } from 'vue';
import { z } from 'zod';
import App from './App.vue';
import './styles/tokens.css';
import './styles/base.css';

// zod would try `new Function` once, which the content security policy reports as a violation.
z.config({ jitless: true });

createApp(App).use(createPinia()).mount('#app');

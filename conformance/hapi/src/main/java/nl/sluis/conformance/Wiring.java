package nl.sluis.conformance;

import ca.uhn.fhir.batch2.jobs.config.Batch2JobsConfig;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.interceptor.api.IInterceptorService;
import ca.uhn.fhir.jpa.api.IDaoRegistry;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings.ClientIdStrategyEnum;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings.IdStrategyEnum;
import ca.uhn.fhir.jpa.api.config.ThreadPoolFactoryConfig;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.api.svc.IIdHelperService;
import ca.uhn.fhir.jpa.batch2.JpaBatch2Config;
import ca.uhn.fhir.jpa.config.util.HapiEntityManagerFactoryUtil;
import ca.uhn.fhir.jpa.dao.data.IResourceLinkDao;
import ca.uhn.fhir.jpa.ips.generator.IpsGeneratorSvcImpl;
import ca.uhn.fhir.jpa.ips.jpa.DefaultJpaIpsGenerationStrategy;
import ca.uhn.fhir.jpa.ips.provider.IpsOperationProvider;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import ca.uhn.fhir.jpa.model.dao.JpaPid;
import ca.uhn.fhir.jpa.provider.DaoRegistryResourceSupportedSvc;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.provider.dstu3.JpaConformanceProviderDstu3;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.search.IStaleSearchDeletingSvc;
import ca.uhn.fhir.jpa.search.StaleSearchDeletingSvcImpl;
import ca.uhn.fhir.jpa.subscription.channel.config.SubscriptionChannelConfig;
import ca.uhn.fhir.jpa.subscription.match.config.SubscriptionProcessorConfig;
import ca.uhn.fhir.jpa.subscription.match.deliver.email.IEmailSender;
import ca.uhn.fhir.jpa.subscription.submit.config.SubscriptionSubmitterConfig;
import ca.uhn.fhir.jpa.util.ResourceCountCache;
import ca.uhn.fhir.rest.api.IResourceSupportedSvc;
import ca.uhn.fhir.rest.server.ApacheProxyAddressStrategy;
import ca.uhn.fhir.rest.server.HardcodedServerAddressStrategy;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import jakarta.persistence.EntityManagerFactory;
import java.util.Map;
import java.util.Properties;
import javax.sql.DataSource;
import org.apache.commons.dbcp2.BasicDataSource;
import org.hl7.fhir.dstu2.model.Subscription.SubscriptionChannelType;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.orm.jpa.LocalContainerEntityManagerFactoryBean;

/**
 * What HAPI's own configuration classes ask for, and the servlet that they serve.
 *
 * <p>The configuration of the FHIR version is registered beside this one, in {@link HapiServer}.
 */
@Configuration
@Import({ThreadPoolFactoryConfig.class, JpaBatch2Config.class, Batch2JobsConfig.class,
    SubscriptionSubmitterConfig.class, SubscriptionProcessorConfig.class, SubscriptionChannelConfig.class})
class Wiring {
    @Bean
    JpaStorageSettings storageSettings(Settings wanted) {
        JpaStorageSettings settings = new JpaStorageSettings();
        if (wanted.anyIds()) {
            settings.setResourceClientIdStrategy(ClientIdStrategyEnum.ANY);
            // A number given by the server could meet one that a client chose.
            settings.setResourceServerIdStrategy(IdStrategyEnum.UUID);
        }
        settings.setEnforceReferentialIntegrityOnDelete(wanted.integrityOnDelete());
        settings.setEnforceReferentialIntegrityOnWrite(wanted.integrityOnWrite());
        settings.setExpungeEnabled(true);
        settings.setAllowMultipleDelete(true);
        settings.setDeleteExpungeEnabled(true);
        settings.setReuseCachedSearchResultsForMillis(null);
        return settings;
    }

    @Bean
    SubscriptionSettings subscriptionSettings() {
        SubscriptionSettings settings = new SubscriptionSettings();
        settings.addSupportedSubscriptionType(SubscriptionChannelType.RESTHOOK);
        settings.setSubscriptionIntervalInMs(250);
        return settings;
    }

    @Bean
    PartitionSettings partitionSettings() {
        return new PartitionSettings();
    }

    @Bean
    DataSource dataSource() {
        BasicDataSource source = new BasicDataSource();
        source.setUrl("jdbc:h2:mem:sluis;DB_CLOSE_DELAY=-1;DB_CLOSE_ON_EXIT=FALSE");
        source.setMaxTotal(50);
        return source;
    }

    @Bean
    LocalContainerEntityManagerFactoryBean entityManagerFactory(ConfigurableListableBeanFactory beans,
            FhirContext context, JpaStorageSettings settings, DataSource source) {
        Properties hibernate = new Properties();
        hibernate.put("hibernate.dialect", "ca.uhn.fhir.jpa.model.dialect.HapiFhirH2Dialect");
        hibernate.put("hibernate.hbm2ddl.auto", "create");
        hibernate.put("hibernate.search.enabled", "false");
        var factory = HapiEntityManagerFactoryUtil.newEntityManagerFactory(beans, context, settings);
        factory.setPersistenceUnitName("sluis");
        factory.setDataSource(source);
        factory.setJpaProperties(hibernate);
        return factory;
    }

    @Bean
    JpaTransactionManager transactionManager(EntityManagerFactory factory) {
        return new JpaTransactionManager(factory);
    }

    @Bean
    DatabaseBackedPagingProvider pagingProvider() {
        DatabaseBackedPagingProvider provider = new DatabaseBackedPagingProvider();
        provider.setMaximumPageSize(500);
        return provider;
    }

    @Bean
    IStaleSearchDeletingSvc staleSearches() {
        return new StaleSearchDeletingSvcImpl();
    }

    @Bean
    IResourceSupportedSvc supportedResources(IDaoRegistry daos) {
        return new DaoRegistryResourceSupportedSvc(daos);
    }

    /** Asked for by its name, when the capability statement is made. */
    @Bean
    ResourceCountCache myResourceCountsCache() {
        return new ResourceCountCache(Map::of);
    }

    @Bean
    IEmailSender emailSender() {
        return mail -> { };
    }

    @Bean
    @SuppressWarnings("unchecked")
    RestfulServer restfulServer(Settings wanted, ConfigurableListableBeanFactory beans, IFhirSystemDao<?, ?> dao,
            ResourceProviderFactory resources, IJpaSystemProvider system, DatabaseBackedPagingProvider paging,
            JpaStorageSettings settings, ISearchParamRegistry parameters, IValidationSupport validation,
            IInterceptorService interceptors, IResourceLinkDao links, IIdHelperService<JpaPid> ids) {
        FhirContext context = dao.getContext();
        RestfulServer server = new RestfulServer(context);
        server.registerProviders(resources.createProviders());
        server.registerProvider(system);
        server.setPagingProvider(paging);
        if (wanted.r4()) {
            server.setServerConformanceProvider(
                    new JpaCapabilityStatementProvider(server, dao, settings, parameters, validation));
            var strategy = new DefaultJpaIpsGenerationStrategy();
            beans.autowireBean(strategy);
            server.registerProvider(new IpsOperationProvider(new IpsGeneratorSvcImpl(context, strategy)));
        } else {
            server.setServerConformanceProvider(new JpaConformanceProviderDstu3(server,
                    (IFhirSystemDao<org.hl7.fhir.dstu3.model.Bundle, org.hl7.fhir.dstu3.model.Meta>) dao,
                    settings, parameters));
        }
        if (!wanted.integrityOnDelete()) {
            interceptors.registerInterceptor(new ReferrersLetGo(links, ids));
        }
        if (wanted.base() != null) {
            server.setServerAddressStrategy(new HardcodedServerAddressStrategy(wanted.base()));
        } else if (wanted.forwarded()) {
            server.setServerAddressStrategy(ApacheProxyAddressStrategy.forHttp());
        }
        return server;
    }
}

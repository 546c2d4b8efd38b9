package nl.sluis.conformance;

import ca.uhn.fhir.interceptor.api.Hook;
import ca.uhn.fhir.interceptor.api.Pointcut;
import ca.uhn.fhir.interceptor.model.RequestPartitionId;
import ca.uhn.fhir.jpa.api.svc.IIdHelperService;
import ca.uhn.fhir.jpa.dao.data.IResourceLinkDao;
import ca.uhn.fhir.jpa.model.dao.JpaPid;
import java.util.List;
import org.hl7.fhir.instance.model.api.IBaseResource;

/**
 * Takes a resource that is being deleted out of the search index of all that refer to it.
 *
 * <p>HAPI 8.8.0 without integrity on delete takes it out of one referrer only. Searches by the
 * others' references then still answer, and {@code $expunge} fails (412 HAPI-2415) on the links
 * that are left. What the referrers hold is not written.
 */
public final class ReferrersLetGo {
    private final IResourceLinkDao links;
    private final IIdHelperService<JpaPid> ids;

    ReferrersLetGo(IResourceLinkDao links, IIdHelperService<JpaPid> ids) {
        this.links = links;
        this.ids = ids;
    }

    @Hook(Pointcut.STORAGE_PRESTORAGE_RESOURCE_DELETED)
    public void letGo(IBaseResource deleted) {
        JpaPid pid = ids.getPidOrNull(RequestPartitionId.allPartitions(), deleted);
        links.deleteAll(links.findWithTargetPidIn(List.of(pid)));
        // A referrer deleted later in the same transaction takes its links along in bulk,
        // which must not find these still waiting.
        links.flush();
    }
}
